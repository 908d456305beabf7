import FrostCore
@testable import FrostFormat
import FrostImage
@testable import FrostMachine
import FrostSupport
import Testing

extension BootTests {
    /// Machines that cannot run an image, and entries that a CPU refuses: one clear line on the console, one record in
    /// the trace, and the end.
    @Suite("Refusals") struct Refusals {
        /// What a machine shows, and what the hypervisor must say of it.
        struct CPURow: Sendable, CustomTestStringConvertible {
            var platform: Platform
            var cpu: String
            var engine: EngineChoice
            var code: PanicCode
            var words: String

            init(
                _ platform: Platform, _ cpu: String, engine: EngineChoice = .any, _ code: PanicCode,
                _ words: String
            ) {
                (self.platform, self.cpu, self.engine) = (platform, cpu, engine)
                (self.code, self.words) = (code, words)
            }

            var testDescription: String {
                "\(platform.rawValue), \(cpu), \(engine.rawValue): \(words)"
            }
        }

        static let cpus = [
            CPURow(
                .qemuTCG, "max,-svm", .noEngine, "no engine: svm: the CPU has none; vmx: the CPU has none"),
            CPURow(.qemuTCG, "max,-npt", .noEngine, "svm: the CPU has no nested paging"),
            CPURow(.qemuTCG, "amd", engine: .vmx, .noEngine, "svm: the image does not allow it"),
            CPURow(.bochs, "intel", engine: .svm, .noEngine, "vmx: the image does not allow it"),
            CPURow(.qemuTCG, "max,-aes", .noCipher, "lacks AES-NI, PCLMULQDQ or RDRAND"),
            CPURow(.qemuTCG, "max,-pclmulqdq", .noCipher, "lacks AES-NI, PCLMULQDQ or RDRAND"),
            CPURow(.qemuTCG, "max,-rdrand", .noCipher, "lacks AES-NI, PCLMULQDQ or RDRAND"),
            CPURow(.bochs, "core2_penryn_t9600", .noCipher, "lacks AES-NI, PCLMULQDQ or RDRAND"),
        ]

        @Test("A CPU that cannot do it is named", .timeLimit(.minutes(2)), arguments: cpus)
        func cpu(row: CPURow) throws {
            let sealed = try Sealed("hello") { $0.engine = row.engine }
            try expect(sealed, row.platform, CPUChoice(parsing: row.cpu), row.code, row.words)
        }

        /// One of `faults/hypervisor`, and what must come of it.
        struct FaultRow: Sendable, CustomTestStringConvertible {
            var fault: String
            var cpu: CPUChoice
            var code: PanicCode
            var words: String

            init(_ fault: String, _ cpu: CPUChoice, _ code: PanicCode, _ words: String) {
                (self.fault, self.cpu, self.code, self.words) = (fault, cpu, code, words)
            }

            var testDescription: String { "\(fault): \(words)" }

            /// hello, ready to boot on the hypervisor with the fault.
            func sealed() throws -> Sealed {
                try Sealed("hello", faults: [fault])
            }
        }

        static let vmxFaults = [
            FaultRow("vmx-locked-off", .intel, .noEngine, "vmx: the firmware has locked it off"),
            FaultRow("no-ept", .intel, .noEngine, "vmx: the CPU has no EPT"),
            FaultRow("no-unrestricted-guest", .intel, .noEngine, "vmx: the CPU has no unrestricted guest"),
            FaultRow("no-invept", .intel, .noEngine, "vmx: the CPU's EPT lacks"),
            FaultRow("vmxon-revision", .intel, .entry, "refused to enter the guest: VMXON"),
            FaultRow("vmcs-cr3-targets", .intel, .entry, "VM entry with invalid control field(s)"),
            FaultRow("vmcs-virtual-nmis", .intel, .entry, "VM entry with invalid control field(s)"),
            FaultRow("vmcs-ept-type", .intel, .entry, "VM entry with invalid control field(s)"),
            FaultRow("vmcs-host-tr", .intel, .entry, "VM entry with invalid host-state field(s)"),
            FaultRow("vmcs-host-cr4", .intel, .entry, "VM entry with invalid host-state field(s)"),
            FaultRow("vmcs-link-pointer", .intel, .entry, "VM-entry failure due to invalid guest state"),
            FaultRow("vmcs-activity", .intel, .entry, "VM-entry failure due to invalid guest state"),
            FaultRow("vmcs-guest-efer", .intel, .entry, "VM-entry failure due to invalid guest state"),
            FaultRow("first-entry-vmresume", .intel, .entry, "VMRESUME with non-launched VMCS"),
            FaultRow("vmx-unknown-exit", .intel, .unknownExit, "unknown exit"),
        ]

        static let svmFaults = [
            FaultRow("svm-turned-off", .amd, .noEngine, "svm: the firmware has turned it off"),
            FaultRow("vmcb-asid", .amd, .entry, "illegal guest state or controls in the VMCB"),
            FaultRow("vmcb-no-vmrun-intercept", .amd, .entry, "illegal guest state or controls in the VMCB"),
            FaultRow("vmcb-efer", .amd, .entry, "illegal guest state or controls in the VMCB"),
            FaultRow("svm-unknown-exit", .amd, .unknownExit, "unknown exit"),
        ]

        static let faults = (vmxFaults + svmFaults).map(\.fault)

        @Test("A fault is reported in the manual's words", .timeLimit(.minutes(2)), arguments: vmxFaults)
        func vmxFault(row: FaultRow) throws {
            let sealed = try row.sealed()
            try expect(sealed, .bochs, row.cpu, row.code, row.words)
        }

        @Test("A fault is reported on AMD's CPUs too", .timeLimit(.minutes(2)), arguments: svmFaults)
        func svmFault(row: FaultRow) throws {
            let sealed = try row.sealed()
            for platform in [Platform.qemuTCG, .bochs] {
                try expect(sealed, platform, row.cpu, row.code, row.words)
            }
        }

        /// What CPUs tell: Bochs's AMD CPU by leaf 8000001Dh, its Intel CPU by leaf 4, QEMU's nothing.
        static let caches: [(platform: Platform, cpu: CPUChoice, bytes: UInt64)] = [
            (.bochs, .amd, 0x800000), (.bochs, .intel, 0x840000), (.qemuTCG, .amd, 0),
        ]

        @Test(
            "A region that the CPU's cache cannot hold is refused, if the image asks for it",
            .timeLimit(.minutes(1)), arguments: caches)
        func cache(platform: Platform, cpu: CPUChoice, bytes: UInt64) throws {
            func sealed(_ frozen: ByteCount, _ cache: CacheDemand) throws -> Sealed {
                try Sealed("hello") { ($0.ram, $0.frozen, $0.cache) = (128 * .mebibyte, frozen, cache) }
            }
            let told = String(bytes, radix: 16)
            let words =
                "larger than the CPU's cache: 0x" + String(repeating: "0", count: 16 - told.count) + told
            try expect(sealed(16 * .mebibyte, .cpu), platform, cpu, .freeze, words)

            let right = try bytes > 0 ? sealed(8 * .mebibyte, .cpu) : sealed(16 * .mebibyte, .emulator)
            let result = try right.run { ($0.platform, $0.cpu) = (platform, cpu) }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(result.trace.fact(.cache) == UInt64(bytes > 0 ? CACHE_FITS.rawValue : CACHE_ANY.rawValue))
            #expect(result.trace.fact(.cacheBytes) == bytes)
        }

        private func expect(
            _ sealed: Sealed, _ platform: Platform, _ cpu: CPUChoice, _ code: PanicCode, _ words: String,
            _ change: (inout RunOptions) -> Void = { _ in }
        ) throws {
            var options = RunOptions()
            change(&options)
            (options.platform, options.cpu) = (platform, cpu)
            options.ending = .panic
            options.panic = code
            options.expected = [words]
            let result = try withExtendedLifetime(sealed) {
                try Run(sealed.image, options: options).boot()
            }
            #expect(result.exitCode == .asAsked, result.story)
            let lines = result.consoleText.split(whereSeparator: \.isNewline).filter {
                $0.contains("panic")
            }
            #expect(lines.count == 1, "the reason stands on one line")
        }
    }
}
