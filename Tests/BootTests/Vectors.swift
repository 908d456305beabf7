import FrostFormat
import FrostImage
@testable import FrostMachine
import FrostSupport
import Testing

extension BootTests {
    /// The cipher's kernels inside a machine, and the guest's vector registers around them. Only Bochs has CPUs with
    /// VAES: Intel's, so that no wide kernel has run under SVM.
    @Suite("Vectors") struct Vectors {
        static let wide = CPUChoice.named("tigerlake")

        /// A kernel on a machine; `chosen` is what must run.
        struct Row: Sendable, CustomTestStringConvertible {
            var platform = Platform.bochs
            var cpu: CPUChoice
            var cipher: CipherChoice
            var chosen: CipherChoice

            var testDescription: String { "\(platform.rawValue), \(cpu), cipher \(cipher.rawValue)" }
        }

        static let rows = [
            Row(cpu: wide, cipher: .auto, chosen: .vaes512),
            Row(cpu: wide, cipher: .vaes256, chosen: .vaes256),
            Row(cpu: wide, cipher: .aesni, chosen: .aesni),
            Row(cpu: .named("corei7_icelake_u"), cipher: .vaes512, chosen: .vaes512),
            Row(cpu: .intel, cipher: .auto, chosen: .aesni), Row(cpu: .amd, cipher: .auto, chosen: .aesni),
            Row(platform: .qemuTCG, cpu: .amd, cipher: .auto, chosen: .aesni),
        ]

        @Test(
            "Each kernel keeps every vector register, at every width and under every XCR0",
            .timeLimit(.minutes(3)), arguments: rows)
        func kept(row: Row) throws {
            let result = try Sealed("vectors") { $0.cipher = row.cipher }.run {
                ($0.platform, $0.cpu) = (row.platform, row.cpu)
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(result.trace.fact(.cipher) == UInt64(row.chosen.number))
            #expect(try #require(result.trace.count(.openSealed)) > 50)
        }

        /// Of AVX-512 they have the state in CPUID, but QEMU's translator has no instructions for it.
        @Test(
            "A CPU with the state of vectors but without their instructions is launched on",
            .timeLimit(.minutes(2)), arguments: ["Skylake-Server,+svm,+npt", "Cascadelake-Server,+svm,+npt"])
        func stateAlone(model: String) throws {
            let result = try Sealed("vectors") { $0.commandLine = "width=32" }.run {
                ($0.platform, $0.cpu) = (.qemuTCG, try CPUChoice(parsing: model))
            }
            #expect(result.exitCode == .asAsked, result.story)
        }

        @Test("An image that wants a kernel of a CPU without it is refused", .timeLimit(.minutes(2)))
        func refused() throws {
            let result = try Sealed("hello") { $0.cipher = .vaes512 }.run {
                ($0.platform, $0.cpu) = (.bochs, .intel)
                ($0.ending, $0.panic) = (.panic, .noCipher)
                $0.expected = ["no cipher: this CPU lacks what the image's kernel needs"]
            }
            #expect(result.exitCode == .asAsked, result.story)
        }

        @Test(
            "The same guest says the same and misses the same pages with each kernel",
            .timeLimit(.minutes(3)),
            arguments: ["paging"])
        func same(guest: String) throws {
            let results = try [CipherChoice.aesni, .vaes256, .vaes512].map { cipher in
                let sealed = try Sealed(guest) { ($0.cipher, $0.traceEvery) = (cipher, 1) }
                let result = try sealed.run { ($0.platform, $0.cpu) = (.bochs, Self.wide) }
                #expect(result.exitCode == .asAsked, result.story)
                return (result.consoleText, result.trace.count(.miss), result.trace.count(.seal))
            }
            for other in results.dropFirst() { #expect(other == results[0]) }
        }

        /// A hypervisor with a fault, and what the guest `vectors` must say of it.
        static let controls: [(fault: String, append: String?, words: String)] = [
            ("lost-upper-halves", nil, "vectors: FAILED: after misses: register 0, byte: 16"),
            ("kept-xcr0", nil, "vectors: FAILED: XCR0: 231"),
            ("lost-opmask", nil, "vectors: FAILED: after misses: opmask: 0"),
            ("unwiped-vectors", nil, "vectors: FAILED: at first: register"),
            ("lost-ymm-halves", "width=32", "vectors: FAILED: after misses: register 0, byte: 16"),
        ]

        @Test(
            "A kernel that does not give registers back is caught", .timeLimit(.minutes(3)),
            arguments: controls)
        func control(fault: String, append: String?, words: String) throws {
            let result = try run(fault, append)
            #expect(result.exitCode != .asAsked, "\(fault)")
            #expect(result.consoleText.contains(words), result.story)
        }

        /// On no machine at hand is AVX-512 missing where VAES is not: a hypervisor is made not to see it.
        static let narrower = "no-avx512"

        @Test(
            "On a CPU without AVX-512 the kernel of 256 bits runs, and keeps YMM0-15", .timeLimit(.minutes(3))
        )
        func withoutAVX512() throws {
            let result = try run(Self.narrower, "width=32")
            #expect(result.exitCode == .asAsked, result.story)
            #expect(result.trace.fact(.cipher) == UInt64(CipherChoice.vaes256.number))
        }

        private func run(_ fault: String, _ append: String?) throws -> RunResult {
            try Sealed("vectors", faults: [fault]) { $0.commandLine = append }.run {
                ($0.platform, $0.cpu) = (.bochs, Self.wide)
            }
        }

        static let faults = controls.map(\.fault) + [narrower]
    }
}
