import Foundation
import FrostAttest
import FrostCore
import FrostFormat
import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// Whether an image is the one described: what differs is named.
@Suite struct VerificationTests {
    private let sample: SampleImage
    private let people: SampleSigners
    private let reference: URL
    private let allowed: URL

    init() throws {
        sample = try SampleImage(key: .passphrase(Passphrase("ice"), iterations: 1000))
        people = try SampleSigners("alice")
        reference = people.file("reference")
        allowed = try people.allowed(("alice@here", key: "alice"))
        try describe()
    }

    /// Writes and signs the reference of the image as it is, or as somebody tells it.
    private func describe(_ change: (inout ImageReference) -> Void = { _ in }) throws {
        var told = try ImageReference(of: BootImage(reading: sample.file), build: nil)
        change(&told)
        try Data(told.text.utf8).write(to: reference)
        try people.sign(reference, by: "alice")
    }

    private func verify() throws -> ImageVerification {
        let answer = try ImageVerification(
            sample.file, reference, allowed, [people.file("alice.sig")])
        #expect(answer.signers == 1)
        #expect(answer.isVerified == answer.differences.isEmpty)
        #expect(answer.exitCode == (answer.isVerified ? .asAsked : .otherwise))
        return answer
    }

    /// Offsets in the sample: loader at 4608, file system at 32768, its tables at 37376, UEFI loader at 72192, hypervisor at 77312, payload at 85504.
    @Test(
        "A changed byte is named by its part",
        arguments: [
            (0, "boot sector"), (511, "boot sector"), (520, "authenticated header"),
            (512 + 2311, "authenticated header"), (4608, "loader"), (5631, "loader"), (32768, "file system"),
            (37376, "UEFI loader"),
            (72192 + 1023, "UEFI loader"), (77312, "hypervisor"), (85503, "hypervisor"), (85504, "payload"),
            (85504 + 4096 + 17, "payload"),
        ])
    func changed(offset: Int, part: String) throws {
        #expect(try verify().isVerified)
        var bytes = try sample.bytes
        bytes[offset] ^= 0x10
        try sample.replace(bytes)
        let answer = try verify()
        #expect(
            answer.fields.first == part && answer.fields.dropFirst().allSatisfy { $0.hasPrefix("setting") })
        #expect(answer.failures.count == 1)
        #expect(answer.failures.first?.contains("is not the image that") == true)
        #expect(answer.failures.first?.contains(part) == true)
    }

    struct Setting: Sendable {
        var name: String
        var change: @Sendable (inout image_header) -> Void
    }

    @Test(
        "A header's settings that differ are named, though its checksum is right",
        arguments: [
            Setting(name: "freeze") { $0.freeze = 4 }, Setting(name: "engine") { $0.engine = 2 },
            Setting(name: "trace-every") { $0.trace_every = 1 },
            Setting(name: "devices") { $0.devices = 1 }, Setting(name: "key-source") { $0.key_source = 9 },
            Setting(name: "port") { $0.ports.0 = port_range(first: 1, count: 1) },
        ])
    func settings(setting: Setting) throws {
        try sample.forge(setting.change)
        #expect(try verify().fields == ["authenticated header", "setting \(setting.name)"])
    }

    @Test("A hypervisor that was replaced, with all hashes made right again, is named")
    func replaced() throws {
        try sample.setSector(Array(repeating: 0x90, count: 512))
        _ = try BootImage(reading: sample.file)
        #expect(try verify().fields == ["boot sector", "authenticated header"])
    }

    @Test(
        "What is not measured may change: the key's wrapping with its checksum, and what follows the payload")
    func outside() throws {
        try sample.forge {
            $0.slots.0.nonce.0 ^= 1
            $0.slots.0.wrapped_key.3 ^= 1
            $0.fault.0 = 65
        }
        #expect(try verify().isVerified)
        var bytes = try sample.bytes
        bytes[bytes.count - 1] = 1
        try sample.replace(bytes)
        #expect(try verify().isVerified)
        // A checksum that is wrong is no other guest, but no image that boots.
        bytes[512 + 4095] ^= 1
        try sample.replace(bytes)
        #expect(throws: BootImage.Failure.damaged(sample.file.plainPath, what: "header")) { try verify() }
    }

    @Test("An image that is cut short, empty or gone is told as that")
    func cut() throws {
        let bytes = try sample.bytes
        try sample.replace(Array(bytes.prefix(85504 + 4096)))
        let answer = try verify()
        #expect(answer.fields == ["payload"] && answer.differences[0].field.contains("cut short"))
        try sample.replace([])
        #expect(try verify().differences.count == 7)
        try FileManager.default.removeItem(at: sample.file)
        #expect(throws: BootImage.Failure.missing(sample.file.plainPath)) { try verify() }
    }

    @Test("The reference of an older image of the same guest is not this image's")
    func older() throws {
        try sample.replace(SampleImage().bytes)
        let fields = try verify().fields
        #expect(fields.contains("authenticated header") && fields.contains("payload"))
        #expect(!fields.contains("loader") && !fields.contains("hypervisor"))
    }

    @Test(
        "A reference that leaves out a part of the image, or tells what is not so, is none, whoever signed it"
    )
    func lies() throws {
        let bytes = try sample.bytes
        try describe {
            $0.measured[6].bytes = 4096
            $0.measured[6].sha256 = ContentHash.of(Array(bytes[85504..<85504 + 4096])).hexadecimal
        }
        #expect(try verify().fields == ["place of the payload"])
        try describe { $0.settings["freeze"] = "window" }
        #expect(try verify().fields == ["setting freeze"])
        try describe { $0.settings["lock"] = "yes" }
        #expect(try verify().fields == ["setting lock"])
        try describe { $0.hypervisor = String(repeating: "0", count: 64) }
        #expect(try verify().fields == ["hypervisor's build"])
        try describe()
        #expect(try verify().isVerified)
    }

    @Test("A reference that was changed after it was signed is signed by nobody")
    func changedReference() throws {
        let text = try String(contentsOf: reference, encoding: .utf8)
        try Data("\(text) ".utf8).write(to: reference)
        let answer = try ImageVerification(
            sample.file, reference, allowed, [people.file("alice.sig")])
        #expect(answer.signers == 0 && answer.differences.isEmpty && answer.exitCode == .otherwise)
        #expect(answer.signatures[0].refusal == "it is not over this reference")
    }
}
