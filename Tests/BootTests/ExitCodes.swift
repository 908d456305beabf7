import Foundation
import FrostFormat
@testable import FrostImage
@testable import FrostMachine
import FrostSamples
import FrostSilicon
import FrostSupport
import Glibc
import Testing

extension BootTests {
    /// The command as it is built, from outside: what it returns when something is not as it should be.
    @Suite("Exit codes") struct ExitCodes {
        struct Row: Sendable, CustomTestStringConvertible {
            var words: String
            var code: FrostSupport.ExitCode

            init(_ words: String, _ code: FrostSupport.ExitCode) {
                (self.words, self.code) = (words, code)
            }

            var testDescription: String { "frost \(words)" }
        }

        private static let nonce = String(repeating: "5a", count: 32)

        /// Relative paths lie in a scratch folder that holds good.img (hello), loop.img (secret), and broken ones.
        static let rows = [
            Row("run good.img --recipe hello", .asAsked),
            Row("run good.img --expect nowhere-to-be-seen", .otherwise),
            Row("run task.img", .panic),
            Row("run task.img --recipe task", .asAsked),
            Row("run triple.img", .tripleFault),
            Row("run reset.img", .reset),
            Row("run sleep.img", .sleep),
            Row("run init.img", .machineDied),
            Row("run loop.img --timeout 2s", .timeLimit),
            Row("run missing.img", .noSuchFile),
            Row("run .", .badInput),
            Row("run noise.img", .badInput),
            Row("run empty.img", .badInput),
            Row("run cut.img", .badInput),
            Row("run changed.img", .badInput),
            Row("run good.img --platform bochs", .asAsked),
            Row("run task.img --platform bochs --cpu amd", .panic),
            Row("run loop.img --platform bochs --timeout 5s", .timeLimit),
            Row("run good.img --platform bochs --keep-ram --record kept", .asAsked),
            Row(
                "run good.img --platform libvirt --connect qemu+unix://h/system?socket=/nowhere", .unavailable
            ),
            Row(
                "run good.img --platform libvirt --connect qemu+ssh://h/system --keep-ram --record r",
                .unavailable),
            Row("verify good.img --platform libvirt --connect qemu+ssh://h/system", .unavailable),
            Row("run good.img --platform libvirt --connect test:///default", .usage),
            Row("run good.img --connect qemu:///embed", .usage),
            Row("run good.img --platform libvirt --cpu max,vendor=x", .usage),
            Row("run good.img --cpu intel", .unavailable),
            Row("run good.img --cpu max,-aes", .panic),
            Row("run good.img --platform bochs --cpu nosuchmodel", .machineDied),
            Row("run good.img --record /proc/nowhere", .cannotWrite),
            Row("run good.img --timeout soon", .usage),
            Row("run good.img --cpus 0", .usage),
            Row("run good.img --cpus 2 --recipe hello", .asAsked),
            Row("run good.img --platform bochs --cpus 2", .unavailable),
            Row("run good.img --cpus 2 --count-instructions", .usage),
            Row("run good.img --device edu", .usage),
            Row("run good.img --iommu intel --machine pc", .usage),
            Row("run", .usage),
            Row("attack missing.img", .noSuchFile),
            Row("attack good.img", .usage),
            Row("attack good.img --kinds flop", .usage),
            Row("attack good.img --count 0", .usage),
            Row("make-image nosuchguest -o out.img --key-source embedded", .noSuchFile),
            Row("make-image hello -o /proc/out.img --key-source embedded", .cannotWrite),
            Row("make-image hello -o out.img --key-source embedded --ram 15MiB", .usage),
            Row("make-image hello -o out.img --key-source embedded --frozen 3000000", .usage),
            Row("make-image hello -o out.img --key-source embedded --freeze nofill", .unavailable),
            Row("make-image hello -o out.img --key-source embedded --engine ring3", .unavailable),
            Row("make-image --linux noise.img -o out.img --key-source embedded", .badInput),
            Row("make-image --linux missing -o out.img --key-source embedded", .noSuchFile),
            Row("make-image hello -o out.img --passphrase-file missing", .noSuchFile),
            Row("make-image hello -o out.img --passphrase-file pass.txt --kdf-iterations 10", .usage),
            Row("reference missing.img", .noSuchFile),
            Row("reference noise.img", .badInput),
            Row("sign-image good.img --key missing", .noSuchFile),
            Row("sign-image good.img --key pass.txt", .badInput),
            Row("sign-image changed.img --key pass.txt", .badInput),
            Row("verify-image good.img --allowed-signers pass.txt", .noSuchFile),
            Row("verify-image good.img --allowed-signers pass.txt --reference noise.img", .badInput),
            Row("verify-image good.img --allowed-signers pass.txt --threshold 0", .usage),
            Row("predict good.img", .asAsked),
            Row("predict missing.img", .noSuchFile),
            Row("predict noise.img", .badInput),
            Row("predict good.img --bank sha256", .usage),
            Row("attest melt", .usage),
            Row("attest verify . --image good.img --machine missing --nonce \(nonce)", .noSuchFile),
            Row("attest verify . --image good.img --machine pass.txt --nonce 00", .usage),
            Row("attest verify . --machine pass.txt --nonce \(nonce)", .usage),
            Row(
                "attest verify . --image good.img --machine pass.txt --nonce \(nonce) --policy pass.txt",
                .badInput),
            Row("attest quote --tcti none --nonce \(nonce) --log pass.txt -o quoted", .unavailable),
            Row("attest quote --tcti none --nonce \(nonce) --log missing -o quoted", .noSuchFile),
            Row("attest enrol --tcti none --ca pass.txt --name a -o a.json", .unavailable),
            Row("attest enrol --handle 1 --ca pass.txt --name a -o a.json", .usage),
            Row("attest enrol --ek-certificate pass.txt --ca pass.txt --name a -o a.json", .badInput),
            Row("attest challenge . --ca pass.txt --name a -o a.json", .noSuchFile),
            Row("attest accept pass.txt noise.img -o a.json", .badInput),
            Row("make-image --silicon -o stick.img", .asAsked),
            Row("run asked.img", .asAsked),
            Row("verify asked.img --cache 64MiB:16:64", .badInput),
            Row("attack asked.img", .badInput),
            Row("make-image --silicon hello -o out.img", .usage),
            Row("make-image --silicon --fault keys-in-dram -o out.img", .usage),
            Row("make-image --silicon -o /proc/out.img", .cannotWrite),
            Row("silicon missing.txt", .noSuchFile),
            Row("silicon pass.txt", .badInput),
            Row("silicon .", .badInput),
            Row("silicon cut.txt", .badInput),
            Row("silicon bochs.txt", .notProvable),
            Row("silicon bochs.txt --html /proc/page.html", .cannotWrite),
            Row("silicon metal.txt", .asAsked),
            Row("silicon contradicted.txt", .otherwise),
            Row("silicon", .usage),
            Row("silicon metal.txt --table .", .usage),
            Row("silicon --table .", .asAsked),
            Row("silicon --table missing", .noSuchFile),
            Row("melt", .usage),
        ]

        /// Guests that end in ways that no guest of images/ should.
        private static let badGuests = [
            "triple": "unsigned char table[10]; asm volatile(\"lidt %0; ud2\" : : \"m\"(table));",
            "reset": "asm volatile(\"outb %b0, $0x64\" : : \"a\"(0xFE)); for (;;);",
        ]

        /// Results of the silicon image: those that are kept for its parser, and one that contradicts a claim.
        private static var silicon: [String: String] {
            get throws {
                let kept = try BootTests.tree().root.appending(path: "Tests/InputFuzzTests/Corpus/silicon")
                func text(_ name: String) throws -> String {
                    try String(contentsOf: kept.appending(path: name), encoding: .utf8)
                }
                let metal = try text("sample")
                let rows = metal.split(separator: "\n").dropFirst().dropLast().map { line in
                    let words = line.split(separator: " ").dropFirst().dropLast()
                    return words.first == "ucalias"
                        ? "ucalias ok 10000 10000 0 0" : words.joined(separator: " ")
                }
                return [
                    "metal.txt": metal, "bochs.txt": try text("bochs"), "cut.txt": try text("refused-cut"),
                    "contradicted.txt": SiliconResult.forged(of: rows).joined(separator: "\n"),
                ]
            }
        }

        static let folder = Result { () throws -> ScratchFolder in
            let scratch = try ScratchFolder()
            let good = try Sealed("hello")
            try good.copy(to: scratch.file("good.img")) { _ in }
            try good.copy(to: scratch.file("cut.img")) { $0.removeLast($0.count - 60_000) }
            try good.copy(to: scratch.file("changed.img")) { $0[9 * 512 + 20] ^= 1 }
            for guest in ["task", "sleep"] {
                try Sealed(guest).copy(to: scratch.file("\(guest).img")) { _ in }
            }
            // QEMU takes an INIT whatever the hypervisor does; so one must be let out.
            try Sealed("init", faults: ["direct-apics"]).copy(to: scratch.file("init.img")) { _ in }
            try Sealed("secret").copy(to: scratch.file("loop.img")) { _ in }
            try Data().write(to: scratch.file("empty.img"))
            try Data((0..<20000).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 251) }).write(
                to: scratch.file("noise.img"))
            try Data("a passphrase\n".utf8).write(to: scratch.file("pass.txt"))
            try ImageBuilder(tree: BootTests.tree()).makeSilicon(at: scratch.file("asked.img"))
            for (name, text) in try silicon { try Data(text.utf8).write(to: scratch.file(name)) }
            for (name, body) in badGuests {
                let recipe = scratch.file(name)
                try FileManager.default.createDirectory(at: recipe, withIntermediateDirectories: true)
                try Data("#include \"guest.h\"\nint main(void)\n{\n\(body)\nreturn 0;\n}\n".utf8).write(
                    to: recipe.appending(path: "guest.c"))
                let facts = """
                    {"summary": "a bad ending", "kind": "long64", "sources": ["guest.c"], "ram": "64MiB",
                     "frozen": "2MiB", "timeout": "10s", "ending": "power-off"}
                    """
                try Data(facts.utf8).write(to: recipe.appending(path: "guest.json"))
                try Sealed(Recipe(folder: recipe)).copy(to: scratch.file("\(name).img")) { _ in }
            }
            return scratch
        }

        @Test("frost returns the documented code, and says why", .timeLimit(.minutes(1)), arguments: rows)
        func code(row: Row) throws {
            let scratch = try Self.folder.get()
            let (code, error, _) = try BuiltFrost.run(
                row.words.split(separator: " ").map(String.init), in: scratch.url)
            #expect(code == row.code.rawValue, Comment(rawValue: error))
            if row.code != .asAsked {
                #expect(!error.isEmpty)
                #expect(!error.contains("Fatal error"))
            }
        }

        /// What of `frost --experimental-dump-help` is of use here.
        private struct Help: Decodable {
            var command: Command

            struct Command: Decodable {
                var commandName: String
                var subcommands: [Command]?
                var arguments: [Argument]?
            }

            struct Argument: Decodable {
                var kind: String
                var names: [Name]?
            }

            struct Name: Decodable {
                var kind: String
                var name: String
            }
        }

        private static let repeatable: [String: Set<String>] = [
            "make-image": ["initrd", "module", "port", "package"],
            "run": ["expect", "device", "disk", "forward"],
            "verify": ["canary", "expect", "device", "disk", "forward"],
            "coldboot": ["canary", "known"], "attack": ["secret", "device"],
            "replay": ["frozen", "slots", "policy"], "verify-image": ["signature"],
            "attest enrol": ["ca"], "attest challenge": ["ca"],
        ]

        @Test(
            "Of an option that is given twice both count, or the second is refused", .timeLimit(.minutes(3)))
        func twice() throws {
            let scratch = try Self.folder.get()
            let help = try BuiltFrost.run(["--experimental-dump-help"], in: scratch.url).output
            let verbs = try JSONDecoder().decode(Help.self, from: Data(help.utf8)).command.subcommands ?? []
            #expect(verbs.count >= 12 && Set(verbs.map(\.commandName)).count == verbs.count)
            let below = verbs.flatMap { verb in
                (verb.subcommands ?? []).map { ([verb.commandName, $0.commandName], $0) }
            }
            #expect(below.count >= 5)
            for (path, verb) in verbs.map({ ([$0.commandName], $0) }) + below where path.last != "help" {
                for option in (verb.arguments ?? []).filter({ $0.kind == "option" }) {
                    let name = try #require(option.names?.first { $0.kind == "long" }).name
                    let words = path + ["--\(name)", "1", "--\(name)=2", "--nosuchoption"]
                    let (code, error, _) = try BuiltFrost.run(words, in: scratch.url)
                    let counts = Self.repeatable[path.joined(separator: " ")]?.contains(name) ?? false
                    #expect(code == FrostSupport.ExitCode.usage.rawValue)
                    #expect(error.contains("--\(name) is given twice") != counts, "\(words): \(error)")
                }
            }
            let (_, error, _) = try BuiltFrost.run(
                ["trace", "x", "-o", "a", "--output", "b"], in: scratch.url)
            #expect(error.contains("--output is given twice"))
        }

        /// Those that can run here.
        private static let platforms = Platform.allCases.filter { (try? $0.check()) != nil }

        @Test(
            "No path is misread on its way to an emulator", .timeLimit(.minutes(3)),
            arguments: platforms)
        func oddPaths(platform: Platform) throws {
            let scratch = try Self.folder.get(), odd = try ScratchFolder()
            let folder = odd.url.appending(
                path: "a,b 'c' \"d\"&<e>\n=f", directoryHint: .isDirectory)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                at: scratch.file("good.img"), to: folder.appending(path: "a,b.img"))
            for words in [["run", "a,b.img"], ["run", "a,b.img", "--record", "r,s"]] {
                let process = try BuiltFrost.process(
                    words + ["--platform", platform.rawValue, "--recipe", "hello"], in: folder)
                process.environment?["TMPDIR"] = folder.plainPath
                try process.run()
                process.waitUntilExit()
                let error = try String(contentsOf: folder.appending(path: "error.txt"), encoding: .utf8)
                #expect(process.terminationStatus == 0, Comment(rawValue: error))
            }
        }

        private static func waits(until condition: () -> Bool) -> Bool {
            for _ in 0..<600 {
                if condition() { return true }
                usleep(50_000)
            }
            return false
        }

        @Test("A command that is killed leaves no file behind", .timeLimit(.minutes(2)))
        func killed() throws {
            let scratch = try Self.folder.get(), temporary = try ScratchFolder()
            // QEMU has one of its own, for an instant.
            func left() -> [String] {
                ((try? FileManager.default.contentsOfDirectory(atPath: temporary.url.path())) ?? [])
                    .filter { $0.hasPrefix("frost-") }
            }
            let process = try BuiltFrost.process(["run", "loop.img"], in: scratch.url)
            process.environment?["TMPDIR"] = temporary.url.plainPath
            try process.run()
            #expect(Self.waits { left().contains { $0.hasPrefix("frost-qmp-") } })
            #expect(left().contains { $0.hasPrefix("frost-run-") })
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            #expect(Self.waits { left().isEmpty }, "\(left())")
        }

        @Test("A folder that one run writes is refused to another", .timeLimit(.minutes(5)))
        func inUse() throws {
            let scratch = try Self.folder.get(), used = scratch.file("used").plainPath
            let elsewhere = try ScratchFolder()
            let loop = scratch.file("loop.img").plainPath
            let first = try BuiltFrost.process(["run", loop, "--record", used], in: elsewhere.url)
            try first.run()
            #expect(Self.waits { FileManager.default.fileExists(atPath: used + "/console.txt") })
            let second = try BuiltFrost.run(["run", "good.img", "--record", used], in: scratch.url)
            #expect(second.code == FrostSupport.ExitCode.cannotWrite.rawValue)
            #expect(second.error.contains("in use by another frost"), "\(second.error)")
            first.terminate()
            first.waitUntilExit()
            #expect(try BuiltFrost.run(["run", "good.img", "--record", used], in: scratch.url).code == 0)
        }

        @Test("A machine that goes away without an end record is said to have died")
        func died() throws {
            let result = try Sealed("secret").run { options in
                options.hooks = [
                    Hook(.console("secret: ready")) { _ = try? $0.qmp().execute("quit") }
                ]
            }
            #expect(result.ending.kind == .died)
            #expect(result.exitCode == .machineDied)
        }
    }
}
