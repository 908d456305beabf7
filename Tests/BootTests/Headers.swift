import Foundation
import FrostCore
@testable import FrostFormat
@testable import FrostImage
@testable import FrostMachine
import FrostSupport
import Testing

extension BootTests {
    /// Someone changes an image's header. What a person at the host can see without the key is refused before the
    /// boot; the rest makes the key's seal fail, before a byte of the guest is opened.
    @Suite("Headers") struct Headers {
        enum Refusal: Sendable {
            /// By `frost`, before the boot.
            case host
            /// By the hypervisor, before it asks for a passphrase: it cannot freeze so.
            case freeze
            /// By the hypervisor: the key does not open.
            case key
        }

        struct Row: Sendable, CustomTestStringConvertible {
            var field: String
            var refusal: Refusal
            var change: @Sendable (inout image_header) -> Void

            var testDescription: String { field }

            init(
                _ field: String, _ refusal: Refusal,
                _ change: @escaping @Sendable (inout image_header) -> Void
            ) {
                (self.field, self.refusal, self.change) = (field, refusal, change)
            }
        }

        static let rows = [
            Row("magic", .host) { $0.magic.0 = 0 },
            Row("version", .host) { $0.version += 1 },
            Row("loader_sectors", .host) { $0.loader_sectors += 1 },
            Row("hypervisor_sectors", .host) { $0.hypervisor_sectors -= 1 },
            Row("payload_lba", .host) { $0.payload_lba += 8 },
            Row("efi_lba", .host) { $0.efi_lba += 8 },
            Row("efi_sectors", .host) { $0.efi_sectors -= 1 },
            Row("run_count", .host) { $0.run_count = 1000 },
            Row("ram_bytes", .host) { $0.ram_bytes += 1 << 20 },
            Row("covered_bytes", .host) { $0.covered_bytes /= 2 },
            Row("frozen_base", .host) { $0.frozen_base -= 2 << 20 },
            Row("frozen_bytes", .host) { $0.frozen_bytes /= 2 },
            Row("meta_base", .host) { $0.meta_base -= 4096 },
            Row("hypervisor_sha256", .host) { $0.hypervisor_sha256.0 ^= 1 },
            Row("freeze: none instead", .freeze) { $0.freeze = FREEZE_WINDOW.rawValue },
            Row("cache: must fit", .freeze) { $0.cache = CACHE_FITS.rawValue },
            Row("engine", .key) { $0.engine = ENGINE_SVM.rawValue },
            Row("policy", .key) { $0.policy = POLICY_FIFO.rawValue },
            Row("slot_limit", .key) { $0.slot_limit = 100 },
            Row("trace_every", .key) { $0.trace_every = 1 },
            Row("ports: one more", .key) { $0.ports.0 = port_range(first: 0x2F8, count: 8) },
            Row("ports: none", .host) { $0.ports.0 = port_range(first: 0xFFFF, count: 2) },
            Row("guest: real mode instead", .key) { $0.guest = GUEST_REAL.rawValue },
            Row("e820_gpa", .key) { $0.e820_gpa = 0x7000 },
            Row("entry", .key) { $0.entry += 16 },
            Row("stack", .key) { $0.stack -= 4096 },
            Row("cr3", .key) { $0.cr3 += 4096 },
            Row("rsi", .key) { $0.rsi = 1 },
            Row("root: counter", .key) { $0.root.counter += 1 },
            Row("root: state", .key) { $0.root.state = PAGE_BLANK.rawValue },
            Row("root: tag", .key) { $0.root.tag.0 ^= 1 },
            Row("runs: another home", .key) { $0.runs.0.home -= 4096 },
            Row("reserved", .key) { $0.reserved = 1 },
            Row("salt", .key) { $0.slots.0.salt.0 ^= 1 },
            Row("kdf_iterations: for ever", .host) { $0.slots.0.kdf_iterations = .max },
            Row("kdf_iterations", .key) { $0.slots.0.kdf_iterations += 1 },
            Row("nonce", .key) { $0.slots.0.nonce.0 ^= 1 },
            Row("wrapped_key", .key) { $0.slots.0.wrapped_key.0 ^= 1 },
            Row("tag", .key) { $0.slots.0.tag.0 ^= 1 },
            Row("slots: none", .host) { $0.slots.0 = key_slot() },
        ]

        static let sealed = Result { () throws -> Sealed in
            try Sealed("hello") {
                $0.key = .passphrase(try Passphrase("right"), iterations: ImageKey.minimumIterations)
            }
        }

        @Test("A changed field is refused, whatever the checksum says", arguments: rows)
        func field(row: Row) throws {
            let sealed = try Self.sealed.get()
            let file = sealed.scratch.file("changed.img")
            try sealed.copyWithHeader(to: file, row.change)
            switch row.refusal {
            case .host:
                let failure = #expect(throws: BootImage.Failure.self) { try BootImage(reading: file) }
                #expect(failure?.exitCode == .badInput)
            case .key:
                var options = RunOptions()
                options.passphrase = try Passphrase("right")
                let result = try Run(BootImage(reading: file), options: options).boot()
                #expect(result.exitCode == .wrongPassphrase, result.story)
                #expect(!result.consoleText.contains("hello"))
            case .freeze:
                var options = RunOptions()
                (options.ending, options.panic) = (.panic, .freeze)
                options.passphrase = try Passphrase("right")
                let result = try Run(BootImage(reading: file), options: options).boot()
                #expect(result.exitCode == .asAsked, result.story)
                #expect(!result.consoleText.contains(PromptWatch.prompt))
            }
        }

        @Test(
            "Any of the passphrases opens the image, from a BIOS and from UEFI; one that was removed does not"
        )
        func slots() throws {
            let first = try Passphrase("right"), second = try Passphrase("for recovery")
            let sealed = try Sealed("hello") {
                ($0.ram, $0.key) = (
                    256 * .mebibyte, .passphrase(first, iterations: ImageKey.minimumIterations)
                )
            }
            var ring = try KeyRing(of: sealed.image)
            #expect(try ring.add(second, iterations: ImageKey.minimumIterations, by: first) == 1)
            func run(_ passphrase: Passphrase, _ firmware: Firmware) throws -> RunResult {
                var options = RunOptions(recipe: sealed.recipe)
                (options.passphrase, options.board) = (passphrase, try Board(firmware: firmware))
                return try Run(ring.image, options: options).boot()
            }
            for passphrase in [first, second] {
                for firmware in [Firmware.bios, .uefi] {
                    let result = try run(passphrase, firmware)
                    #expect(result.exitCode == .asAsked, result.story)
                }
            }
            try ring.remove(0, by: second)
            for firmware in [Firmware.bios, .uefi] {
                let result = try run(first, firmware)
                #expect(result.exitCode == .wrongPassphrase, result.story)
                #expect(!result.consoleText.contains("hello: "))
            }
        }

        @Test("A demand for a cache that was taken away is a changed header")
        func cache() throws {
            let sealed = try Sealed("hello") {
                $0.key = .passphrase(try Passphrase("right"), iterations: ImageKey.minimumIterations)
                $0.cache = .cpu
            }
            let file = sealed.scratch.file("changed.img")
            try sealed.copyWithHeader(to: file) { $0.cache = CACHE_ANY.rawValue }
            var options = RunOptions()
            options.passphrase = try Passphrase("right")
            let result = try Run(BootImage(reading: file), options: options).boot()
            #expect(result.exitCode == .wrongPassphrase, result.story)
        }

        @Test("An embedded key that was changed opens nothing")
        func embedded() throws {
            let sealed = try Sealed("hello")
            let file = sealed.scratch.file("changed.img")
            try sealed.copyWithHeader(to: file) { $0.embedded_kek.0 ^= 1 }
            let result = try Run(BootImage(reading: file), options: RunOptions()).boot()
            #expect(result.exitCode == .wrongPassphrase, result.story)
            #expect(!result.consoleText.contains("hello"))
        }

        /// frost looks before the boot; this image is changed behind its back, so the machine has to find it.
        @Test("The machine bounds what it does for a passphrase: a slot that asks for more is none")
        func iterations() throws {
            let sealed = try Sealed("hello") {
                $0.key = .passphrase(try Passphrase("right"), iterations: ImageKey.minimumIterations)
            }
            try sealed.copyWithHeader(to: sealed.image.file) {
                $0.slots.0.kdf_iterations = UInt32(IMAGE_KDF_MAXIMUM) + 1
            }
            let result = try sealed.run { $0.passphrase = try Passphrase("right") }
            #expect(result.exitCode == .wrongPassphrase, result.story)
        }

        /// In the same way.
        @Test("The machine refuses a header whose checksum is wrong")
        func checksum() throws {
            let sealed = try Sealed("hello")
            try sealed.copy(to: sealed.image.file) { $0[512 + 100] ^= 1 }
            let result = try sealed.run { options in
                (options.ending, options.panic, options.expected) = (nil, nil, [])
                options.timeLimit = TimeSpan(.seconds(10))
            }
            #expect(result.exitCode != .asAsked, result.story)
            #expect(!result.consoleText.contains("hello"))
            #expect(result.consoleText.contains("damaged"), result.story)
        }
    }

    /// Who may open an image.
    @Suite("Passphrases") struct Passphrases {
        @Test(
            "The right passphrase opens the image, and is not echoed",
            arguments: ["x", "Grüße, 世界", String(repeating: "p", count: 128)])
        func right(text: String) throws {
            let sealed = try Sealed("hello") {
                $0.key = .passphrase(try Passphrase(text), iterations: ImageKey.minimumIterations)
            }
            let result = try sealed.run { $0.passphrase = try Passphrase(text) }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(result.consoleText.contains(PromptWatch.prompt + "\r\n"))
        }

        @Test("A wrong passphrase opens nothing", arguments: ["Right", "right ", "r"])
        func wrong(text: String) throws {
            let result = try Headers.sealed.get().run { $0.passphrase = try Passphrase(text) }
            #expect(result.exitCode == .wrongPassphrase, result.story)
            #expect(!result.consoleText.contains("hello"))
        }

        @Test("Nobody there to type: refused before the boot")
        func nobody() throws {
            #expect(throws: Passphrase.Failure.noTerminal) { try Headers.sealed.get().run() }
        }
    }
}
