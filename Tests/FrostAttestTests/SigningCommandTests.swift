import Foundation
import FrostAttest
import FrostCore
import FrostFormat
import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// `frost reference`, `sign-image` and `verify-image` as they are built, from outside.
@Suite("Signing commands", .serialized) struct SigningCommandTests {
    private let scratch: Scratch
    private var folder: URL { scratch.url }

    init() throws {
        scratch = try Scratch()
    }

    private func frost(_ words: String) throws -> (code: Int32, error: String, output: String) {
        try BuiltFrost.run(words.split(separator: " ").map(String.init), in: folder)
    }

    private func file(_ name: String) -> URL { folder.appending(path: name) }

    private var names: Set<String> {
        get throws {
            Set(try FileManager.default.contentsOfDirectory(atPath: folder.plainPath))
                .subtracting(["output.txt", "error.txt"])
        }
    }

    private func makeKey(_ name: String, passphrase: String = "") throws {
        try Tool.sshKeygen.run(
            ["-q", "-t", "ed25519", "-N", passphrase, "-f", file(name).plainPath], for: "make a key")
    }

    private func makeImage(_ words: String = "-o it.img") throws {
        let made = try frost("make-image hello --key-source embedded \(words)")
        try #require(made.code == 0, "\(made.error)")
    }

    private func allow(_ name: String) throws {
        let key = try String(contentsOf: file("\(name).pub"), encoding: .utf8)
        try Data("\(name)@here \(key)".utf8).write(to: file("allowed"))
    }

    @Test("The guide's commands work as they are written", .timeLimit(.minutes(5)))
    func guide() throws {
        let guide = SourceTree.underTest.root.appending(path: "docs/guide/signing.md")
        let lines = try String(contentsOf: guide, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }
        #expect(lines.count { $0.hasPrefix("frost verify-image") } == 2)
        let process = try BuiltFrost.process(
            ["-ec", lines.joined(separator: "\n")], in: folder)
        process.executableURL = URL(filePath: "/bin/bash")
        let path = process.environment?["PATH"] ?? ""
        let bin = BuiltFrost.program().deletingLastPathComponent().plainPath
        process.environment?["PATH"] = "\(bin):\(path)"
        process.environment?["HOME"] = folder.plainPath
        try process.run()
        process.waitUntilExit()
        let said = try ["error.txt", "output.txt"].map { try String(contentsOf: file($0), encoding: .utf8) }
        #expect(process.terminationStatus == 0, "\(said[0])")
        #expect(said[1].contains("signers      2, asked for: 2"))
        #expect(said[1].contains("this source tree, built anew, gives that hypervisor, byte by byte"))
        // What was made by hand is the same, and the same is signed.
        let made = try ["hello.reference", "by-hand.reference"].map { try Data(contentsOf: file($0)) }
        #expect(made[0] == made[1])
        #expect(
            try Data(contentsOf: file("hello.reference.sig"))
                == Data(
                    contentsOf: file("by-hand.reference.sig")))
    }

    @Test("The guide's table has each setting of a reference, and each is an option of make-image")
    func settings() throws {
        let sample = try SampleImage()
        let reference = try ImageReference(of: BootImage(reading: sample.file), build: nil)
        let help = try frost("make-image --help").output
        let guide = try String(
            contentsOf: SourceTree.underTest.root.appending(path: "docs/guide/signing.md"), encoding: .utf8)
        let row = guide.split(separator: "\n").first { $0.hasPrefix("| `settings`") } ?? ""
        for name in reference.settings.keys {
            #expect(help.contains("--\(name) "), "\(name)")
            #expect(row.contains("`\(name)`"), "\(name)")
        }
        #expect(row.count { $0 == "`" } == 2 * (reference.settings.count + 2))
    }

    @Test("A changed image is refused with its field; with another command line it is another guest")
    func changed() throws {
        try makeImage()
        try makeKey("alice")
        try allow("alice")
        try #require(try frost("sign-image it.img --key alice").code == 0)
        #expect(try frost("verify-image it.img --allowed-signers allowed").code == 0)

        var bytes = [UInt8](try Data(contentsOf: file("it.img")))
        bytes[BootImage.loaderOffset + 20] ^= 1
        try Data(bytes).write(to: file("changed.img"))
        let changed = try frost(
            "verify-image changed.img --allowed-signers allowed --reference it.reference --format json")
        #expect(changed.code == 1 && changed.error.contains("loader"))
        let answer = try JSON.decode(ImageVerification.self, from: Data(changed.output.utf8))
        #expect(!answer.isVerified && answer.differences.count == 1 && answer.signers == 1)

        try makeImage("-o other.img --append another")
        let other = try frost("verify-image other.img --allowed-signers allowed --reference it.reference")
        #expect(other.code == 1)
        #expect(other.error.contains("authenticated header") && other.error.contains("payload"))
        // The UEFI loader's headers tell the sizes of what follows.
        #expect(!other.error.contains(", loader (") && !other.error.contains("setting"))

        // The reference beside an image that was made anew is an older one: it is not signed again.
        try makeImage()
        let old = try frost("sign-image it.img --key alice -o again.sig")
        #expect(old.code == 65 && old.error.contains("does not describe"))
        #expect(try !names.contains("again.sig"))
    }

    @Test(
        "A hypervisor that these sources do not give is told, and refused by --rebuild",
        .timeLimit(.minutes(5)))
    func otherHypervisor() throws {
        try makeKey("alice")
        try allow("alice")
        try makeImage("-o it.img --fault slow-cpuid")
        #expect(try frost("reference it.img").output.contains("with the FAULT slow-cpuid"))
        // Who hides the fault's name makes the image look as one of other sources.
        var bytes = [UInt8](try Data(contentsOf: file("it.img")))
        let name = BootImage.headerOffset + (MemoryLayout<image_header>.offset(of: \.fault) ?? 0)
        bytes.replaceSubrange(name..<name + 32, with: repeatElement(0, count: 32))
        BootImage.mendChecksum(of: &bytes)
        try Data(bytes).write(to: file("it.img"))
        #expect(try frost("reference it.img").output.contains("sources that are not known"))
        try #require(try frost("sign-image it.img --key alice").code == 0)
        let told = try frost("verify-image it.img --allowed-signers allowed")
        #expect(told.code == 0 && told.output.contains("this source tree builds ANOTHER hypervisor"))
        let refused = try frost("verify-image it.img --allowed-signers allowed --rebuild")
        #expect(refused.code == 1 && refused.error.contains("does not build the hypervisor of"))
    }

    @Test("Without sources an image is verified all the same, and the hypervisor not compared")
    func noSources() throws {
        try makeImage()
        try makeKey("alice")
        try allow("alice")
        try #require(try frost("sign-image it.img --key alice").code == 0)
        func verify(_ words: String...) throws -> (code: Int32, error: String, output: String) {
            let process = try BuiltFrost.process(
                ["verify-image", "it.img", "--allowed-signers", "allowed"] + words, in: folder)
            process.environment?["FROST_ROOT"] = folder.plainPath
            try process.run()
            process.waitUntilExit()
            let texts = try ["error.txt", "output.txt"].map {
                try String(contentsOf: file($0), encoding: .utf8)
            }
            return (process.terminationStatus, texts[0], texts[1])
        }
        let answer = try verify()
        #expect(answer.code == 0 && answer.output.contains("there are no sources here"))
        #expect(try verify("--rebuild").code == 66)
    }

    @Test("What cannot be signed leaves nothing behind; a signature that is there is not overwritten")
    func refusals() throws {
        try makeImage()
        try makeKey("alice")
        try makeKey("locked", passphrase: "a passphrase")
        try Data("no key\n".utf8).write(to: file("noise"))
        let before = try names
        for (words, code, reason) in [
            ("--key nowhere", 66, "There is no key"), ("--key noise", 65, "does not sign with"),
            // There is no terminal to ask at.
            ("--key locked", 65, "does not sign with"),
            ("--key alice --reference /proc/it", 73, "cannot be written"),
            ("--key alice --reference noise", 65, "is no reference"),
        ] {
            let said = try frost("sign-image it.img \(words)")
            #expect(said.code == Int32(code) && said.error.contains(reason), "\(words): \(said)")
            #expect(try names == before, "\(words)")
        }
        try #require(try frost("sign-image it.img --key alice").code == 0)
        let signed = try Data(contentsOf: file("it.reference.sig"))
        let again = try frost("sign-image it.img --key alice")
        #expect(again.code == 73 && again.error.contains("may be somebody else's"))
        #expect(try Data(contentsOf: file("it.reference.sig")) == signed)
        #expect(try names == before.union(["it.reference", "it.reference.sig"]))
    }
}
