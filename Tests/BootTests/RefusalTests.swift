import FrostKit
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
            try expect(sealed.image, row.platform, CPUChoice(parsing: row.cpu), row.code, row.words)
        }

        /// A fault that is committed in a copy of the sources, and what must come of it.
        struct FaultRow: Sendable, CustomTestStringConvertible {
            var fault: String
            var cpu: CPUChoice
            var code: PanicCode
            var words: String
            var patch: PatchedTree.Patch

            init(
                _ fault: String, _ cpu: CPUChoice, _ code: PanicCode, _ words: String,
                _ patch: PatchedTree.Patch
            ) {
                (self.fault, self.cpu, self.code, self.words) = (fault, cpu, code, words)
                self.patch = patch
            }

            var testDescription: String { "\(fault): \(words)" }
        }

        static let vmxFaults = [
            FaultRow(
                "the firmware locked VMX off", .intel, .noEngine, "vmx: the firmware has locked it off",
                .init(
                    "engine/vmx.c", "uint64_t feature = rdmsr(MSR_FEATURE_CONTROL);",
                    "uint64_t feature = FEATURE_CONTROL_LOCK;")),
            FaultRow(
                "a CPU without EPT", .intel, .noEngine, "vmx: the CPU has no EPT",
                .init("engine/vmx_controls.c", "capability >> 32);", "capability >> 32 & ~PROC2_EPT);")),
            FaultRow(
                "a CPU without unrestricted guest", .intel, .noEngine,
                "vmx: the CPU has no unrestricted guest",
                .init(
                    "engine/vmx_controls.c", "capability >> 32);", "capability >> 32 & ~PROC2_UNRESTRICTED);")
            ),
            FaultRow(
                "a CPU without INVEPT", .intel, .noEngine, "vmx: the CPU's EPT lacks",
                .init(
                    "engine/vmx.c", "(rdmsr(MSR_VMX_EPT_VPID_CAP) & EPT_NEEDED)",
                    "(rdmsr(MSR_VMX_EPT_VPID_CAP) & EPT_NEEDED & ~EPT_CAP_INVEPT)")),
            FaultRow(
                "a wrong revision", .intel, .entry, "refused to enter the guest: VMXON",
                .init(
                    "engine/vmx.c", "(uint32_t)field_get(rdmsr(MSR_VMX_BASIC), VMX_BASIC_REVISION)",
                    "0x7FFFFFFF")),
            FaultRow(
                "a CR3-target count of 9", .intel, .entry, "VM entry with invalid control field(s)",
                .init("engine/vmx_vmcs.c", "{VMCS_CR3_TARGETS, 0}", "{VMCS_CR3_TARGETS, 9}")),
            FaultRow(
                "virtual NMIs without NMI exiting", .intel, .entry, "VM entry with invalid control field(s)",
                .init(
                    "engine/vmx_vmcs.c", "vmx_control(CONTROL_PIN)}",
                    "vmx_control(CONTROL_PIN) & ~PIN_NMI_EXITING}")),
            FaultRow(
                "an EPT pointer of an unknown memory type", .intel, .entry,
                "VM entry with invalid control field(s)",
                .init("engine/vmx_vmcs.c", "pointers->ept}", "pointers->ept | 7}")),
            FaultRow(
                "a host without a task register", .intel, .entry,
                "VM entry with invalid host-state field(s)",
                .init("engine/vmx_vmcs.c", "{VMCS_HOST_TR, HOST_TR}", "{VMCS_HOST_TR, 0}")),
            FaultRow(
                "a host with CR4.VMXE = 0", .intel, .entry, "VM entry with invalid host-state field(s)",
                .init("engine/vmx_vmcs.c", "{VMCS_HOST_CR4, read_cr4()}", "{VMCS_HOST_CR4, 0x20}")),
            FaultRow(
                "a link pointer that leads nowhere", .intel, .entry,
                "VM-entry failure due to invalid guest state",
                .init("engine/vmx_vmcs.c", "{VMCS_LINK_POINTER, NO_LINK}", "{VMCS_LINK_POINTER, 1}")),
            FaultRow(
                "an activity state that does not exist", .intel, .entry,
                "VM-entry failure due to invalid guest state",
                .init("engine/vmx_vmcs.c", "{VMCS_ACTIVITY, 0}", "{VMCS_ACTIVITY, 7}")),
            FaultRow(
                "a 64-bit guest without LMA", .intel, .entry, "VM-entry failure due to invalid guest state",
                .init(
                    "engine/vmx_vmcs.c", "{VMCS_GUEST_EFER, start.efer}", "{VMCS_GUEST_EFER, EFER_LME}")),
            FaultRow(
                "a first entry by VMRESUME", .intel, .entry, "VMRESUME with non-launched VMCS",
                .init("engine/vmx.c", "static bool launched;", "static bool launched = true;")),
            FaultRow(
                "an exit that nobody knows", .intel, .unknownExit, "unknown exit",
                .init("engine/vmx.c", "    case VMX_EXIT_CPUID:\n", "    case 99:\n")),
        ]

        static let svmFaults = [
            FaultRow(
                "the firmware turned SVM off", .amd, .noEngine, "svm: the firmware has turned it off",
                .init("engine/svm.c", "rdmsr(MSR_VM_CR) & VM_CR_SVMDIS", "VM_CR_SVMDIS")),
            FaultRow(
                "an address space number of 0", .amd, .entry, "illegal guest state or controls in the VMCB",
                .init("engine/svm.c", "vmcb.guest_asid = 1;", "vmcb.guest_asid = 0;")),
            FaultRow(
                "VMRUN that is not intercepted", .amd, .entry, "illegal guest state or controls in the VMCB",
                .init(
                    "engine/svm.c", "(uint32_t)(INTERCEPT_VMRUN | INTERCEPT_VMMCALL",
                    "(uint32_t)(INTERCEPT_VMMCALL")),
            FaultRow(
                "EFER.SVME = 0", .amd, .entry, "illegal guest state or controls in the VMCB",
                .init("engine/svm.c", "vmcb.efer = start->efer | EFER_SVME;", "vmcb.efer = start->efer;")),
            FaultRow(
                "an exit that nobody knows", .amd, .unknownExit, "unknown exit",
                .init("engine/svm.c", "    case SVM_EXIT_CPUID:\n", "    case 0x3FF:\n")),
        ]

        @Test("A fault is reported in the manual's words", .timeLimit(.minutes(2)), arguments: vmxFaults)
        func vmxFault(row: FaultRow) throws {
            let patched = try PatchedTree([row.patch])
            try expect(patched.image(), .bochs, row.cpu, row.code, row.words)
            withExtendedLifetime(patched) {}
        }

        @Test("A fault is reported on AMD's CPUs too", .timeLimit(.minutes(2)), arguments: svmFaults)
        func svmFault(row: FaultRow) throws {
            let patched = try PatchedTree([row.patch])
            let image = try patched.image()
            for platform in [Platform.qemuTCG, .bochs] {
                try expect(image, platform, row.cpu, row.code, row.words)
            }
            withExtendedLifetime(patched) {}
        }

        private func expect(
            _ image: BootImage, _ platform: Platform, _ cpu: CPUChoice, _ code: PanicCode, _ words: String
        ) throws {
            var options = RunOptions()
            (options.platform, options.cpu) = (platform, cpu)
            options.ending = .panic
            options.panic = code
            options.expected = [words]
            let result = try Machine(image, options: options).run()
            #expect(result.exitCode == .asAsked, result.story)
            let lines = result.consoleText.split(whereSeparator: \.isNewline).filter {
                $0.contains("panic")
            }
            #expect(lines.count == 1, "the reason stands on one line")
        }
    }
}
