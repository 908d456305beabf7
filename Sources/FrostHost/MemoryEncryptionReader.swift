import Foundation

/// Reads what CPUID, MSRs and the kernel say of the encryption of RAM.
///
/// - Source: Intel SDM vol 4 (335592), "IA32_TME_ACTIVATE"; AMD APM vol 2 (24593), "Secure Memory Encryption" and
///   "Secure Encrypted Virtualization"; Linux, Documentation/arch/x86/amd-memory-encryption.rst and
///   Documentation/ABI/testing/sysfs-driver-ccp.
struct MemoryEncryptionReader {
    private typealias Technique = MemoryEncryption.Technique

    private let sources: HostSources
    private let isVirtual: Bool
    private let flags: Set<String>
    private let log: String?

    private static let IA32_TME_ACTIVATE: UInt32 = 0x982
    private static let SYSCFG: UInt32 = 0xC001_0010
    private static let readMSRs = "modprobe msr, then run frost doctor as root"

    init(_ sources: HostSources) {
        self.sources = sources
        flags = sources.cpuFlags
        isVirtual = flags.contains("hypervisor")
        log = sources.kernelLog()
    }

    private func bit(_ register: UInt64, _ number: Int) -> Bool { register >> number & 1 == 1 }
    private func bit(_ register: UInt32, _ number: Int) -> Bool { register >> number & 1 == 1 }

    /// What follows a phrase on its line of the kernel's log.
    private func said(_ phrase: String) -> String? {
        guard let log, let range = log.firstRange(of: phrase) else { return nil }
        return log[range.upperBound...].prefix { !$0.isNewline }.trimmingCharacters(in: .whitespaces)
    }

    private func absent(_ name: String, _ evidence: String) -> MemoryEncryption.Technique {
        isVirtual
            ? .init(
                name: name, state: .unknown,
                evidence: "not shown to this virtual machine; its host's CPU may have it")
            : .init(name: name, state: .absent, evidence: evidence)
    }

    /// Of a confidential virtual machine: what its own kernel says is active.
    var own: [MemoryEncryption.Technique] {
        guard isVirtual, let active = said("Memory Encryption Features active:") else { return [] }
        return [
            Technique(
                name: MemoryEncryption.guestMark + active, state: .on,
                evidence: "the kernel's log: Memory Encryption Features active")
        ]
    }

    // MARK: Intel

    var intel: [MemoryEncryption.Technique] {
        guard bit(sources.cpuid(.init(leaf: 7))?.ecx ?? 0, 13) else {
            return ["TME", "TME-MK"].map { absent($0, "CPUID.(7,0):ECX.TME_EN[13] is 0") }
        }
        guard let activate = sources.msr(Self.IA32_TME_ACTIVATE) else {
            return [logged("TME", "x86/tme:"), logged("TME-MK", "x86/mktme:")]
        }
        let isOn = bit(activate, 0) && bit(activate, 1) && !bit(activate, 31)
        let words =
            bit(activate, 0) && bit(activate, 1) && bit(activate, 31)
            ? "bypassed (bit 31)" : "locked \(bit(activate, 0) ? 1 : 0), enabled \(bit(activate, 1) ? 1 : 0)"
        let keyBits = activate >> 32 & 0xF
        let evidence = "IA32_TME_ACTIVATE: "
        return [
            Technique(
                name: "TME", state: isOn ? .on : .off, evidence: evidence + words,
                remedy: isOn ? nil : Self.enableTME),
            Technique(
                name: "TME-MK", state: isOn && keyBits > 0 ? .on : .off,
                evidence: evidence + "\(keyBits) bits of key identifier"),
        ]
    }

    private static let enableTME = "enable Total Memory Encryption in the firmware's setup"

    private func logged(_ name: String, _ phrase: String) -> MemoryEncryption.Technique {
        let isTME = name == "TME"
        guard let words = said(phrase) else {
            return .init(
                name: name, state: .unknown,
                evidence: log == nil
                    ? "neither the MSR nor the kernel's log may be read"
                    : "the MSR may not be read, and the kernel's log does not say",
                remedy: isTME ? Self.readMSRs : nil)
        }
        let isOn = words.hasPrefix("enabled")
        return .init(
            name: name, state: isOn ? .on : .off, evidence: "the kernel's log: \(phrase) \(words)",
            remedy: isOn || !isTME ? nil : Self.enableTME)
    }

    // MARK: AMD

    var amd: [MemoryEncryption.Technique] {
        let features = sources.cpuid(.init(leaf: 0x8000_001F))?.eax ?? 0
        func absent(_ name: String, _ number: Int) -> MemoryEncryption.Technique {
            self.absent(name, "CPUID Fn8000_001F_EAX[\(number)] is 0")
        }
        let machines = [("SEV", 1), ("SEV-ES", 3), ("SEV-SNP", 4)].map { name, number in
            bit(features, number) ? ofMachines(name) : absent(name, number)
        }
        guard bit(features, 0) else { return [absent("SME", 0), absent("TSME", 0)] + machines }
        return [sme, tsme] + machines
    }

    private var sme: MemoryEncryption.Technique {
        let useIt = "boot Linux with mem_encrypt=on"
        if let active = said("Memory Encryption Features active:"),
            active.split(separator: " ").contains("SME")
        {
            return .init(name: "SME", state: .on, evidence: "the kernel's log: active")
        }
        guard flags.contains("sme") else {
            // Linux hides the flag when it does not use it.
            if let syscfg = sources.msr(Self.SYSCFG), !bit(syscfg, 23) {
                return .init(
                    name: "SME", state: .off, evidence: "SYSCFG[MemEncryptionModEn] is 0",
                    remedy: "enable SME (SMEE) in the firmware's setup, then \(useIt)")
            }
            return .init(
                name: "SME", state: .off, evidence: "the CPU has it, /proc/cpuinfo has no flag sme",
                remedy: "\(useIt); if it stays off, enable SME (SMEE) in the firmware's setup first")
        }
        // Before 5.18 the flag meant only that the firmware allows it.
        let release = (sources.line("/proc/sys/kernel/osrelease") ?? "").split { !$0.isNumber }
            .prefix(2).compactMap { Int($0) }
        if release.count == 2, (release[0], release[1]) >= (5, 18) {
            return .init(name: "SME", state: .on, evidence: "flag sme in /proc/cpuinfo")
        }
        return .init(
            name: "SME", state: .unknown,
            evidence: "the firmware allows it; whether this kernel uses it stands only in its log",
            remedy: "run frost doctor as root soon after booting with mem_encrypt=on")
    }

    private var tsme: MemoryEncryption.Technique {
        let devices = "/sys/bus/pci/devices"
        let states = sources.names(devices).compactMap { sources.line("\(devices)/\($0)/tsme_status") }
        guard let state = states.first else {
            return .init(
                name: "TSME", state: .unknown, evidence: "no device tells tsme_status",
                remedy: "modprobe ccp on Linux 5.19 or later, or look into the firmware's setup")
        }
        return .init(
            name: "TSME", state: state == "1" ? .on : .off, evidence: "tsme_status is \(state)",
            remedy: state == "1" ? nil : "enable transparent SME (TSME) in the firmware's setup")
    }

    /// Encrypts virtual machines, not the host itself.
    private func ofMachines(_ name: String) -> MemoryEncryption.Technique {
        let parameter = name.lowercased().replacing("-", with: "_")
        guard let value = sources.line("/sys/module/kvm_amd/parameters/\(parameter)") else {
            return .init(
                name: name, state: .unknown,
                evidence: "the CPU has it; kvm_amd does not say whether it is used"
            )
        }
        let isOn = ["1", "Y"].contains(value)
        return .init(
            name: name, state: isOn ? .on : .off,
            evidence: "kvm_amd: \(parameter) is \(value), for virtual machines")
    }
}

extension MemoryEncryption {
    init(_ sources: HostSources) {
        let reader = MemoryEncryptionReader(sources)
        var techniques = reader.own
        switch CPUFacts(sources).cacheVendor {
        case .intel: techniques += reader.intel
        case .amd: techniques += reader.amd
        case nil: break
        }
        self.init(techniques: techniques)
    }
}
