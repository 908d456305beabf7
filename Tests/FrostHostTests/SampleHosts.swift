@testable import FrostHost

/// Hosts that this machine is not: what their Linux, CPUID and MSRs say.
enum SampleHosts {
    /// One cache of cpu0, as sysfs has it.
    static func cache(
        _ index: Int, level: Int, _ type: String, _ size: String, ways: Int, sets: Int, sharedBy: String
    ) -> [String: String] {
        let values = [
            "level": "\(level)", "type": type, "size": size, "ways_of_associativity": "\(ways)",
            "number_of_sets": "\(sets)", "coherency_line_size": "64", "shared_cpu_list": sharedBy,
        ]
        return Dictionary(
            uniqueKeysWithValues: values.map {
                ("/sys/devices/system/cpu/cpu0/cache/index\(index)/\($0)", $1 + "\n")
            })
    }

    static func cpuInfo(_ vendor: String, _ model: String, _ flags: String) -> [String: String] {
        [
            "/proc/cpuinfo": """
            processor\t: 0
            vendor_id\t: \(vendor)
            model name\t: \(model)
            flags\t\t: fpu sse2 \(flags)
            bugs\t\t: spectre_v1

            processor\t: 1
            vendor_id\t: other
            """
        ]
    }

    static func host(
        _ files: [[String: String]], cpuid: [HostSources.Leaf: HostSources.Registers] = [:],
        msr: [UInt32: UInt64] = [:], log: String? = nil, kvm: Bool? = true
    ) -> HostSources {
        let all = files.reduce(into: [:]) { $0.merge($1) { $1 } }
        return HostSources(
            text: { all[$0] },
            names: { folder in
                Set(
                    all.keys.filter { $0.hasPrefix(folder + "/") }
                        .map { String($0.dropFirst(folder.count + 1).prefix { $0 != "/" }) }
                ).sorted()
            },
            isUsable: { $0 == "/dev/kvm" ? kvm : nil }, cpuid: { cpuid[$0] }, msr: { msr[$0] },
            kernelLog: { log })
    }

    private static let sev = HostSources.Leaf(leaf: 0x8000_001F)

    /// A Zen 3 server whose Linux was booted with mem_encrypt=on.
    static let zen = host(
        [
            cpuInfo(
                "AuthenticAMD", "AMD EPYC 7543 32-Core Processor",
                "svm aes pclmulqdq rdrand rdseed vaes vpclmulqdq cat_l3 sme sev sev_es"),
            cache(0, level: 1, "Data", "32K", ways: 8, sets: 64, sharedBy: "0,32"),
            cache(2, level: 2, "Unified", "512K", ways: 8, sets: 1024, sharedBy: "0,32"),
            cache(3, level: 3, "Unified", "32768K", ways: 16, sets: 32768, sharedBy: "0-7,32-39"),
            [
                "/proc/sys/kernel/osrelease": "6.1.0-23-amd64\n",
                "/sys/module/kvm_amd/parameters/nested": "1\n",
                "/sys/module/kvm_amd/parameters/sev": "Y\n",
                "/sys/module/kvm_amd/parameters/sev_es": "N\n",
                "/sys/bus/pci/devices/0000:22:00.1/tsme_status": "0\n",
                "/sys/bus/pci/devices/0000:22:00.1/vendor": "0x1022\n",
            ],
        ],
        cpuid: [sev: .init(eax: 0b1011)], log: "[    0.5] Memory Encryption Features active: AMD SME\n")

    /// The same kind of CPU, where the firmware keeps SME off and the kernel's log has run over.
    static let zenOff = host(
        [cpuInfo("AuthenticAMD", "AMD Ryzen 9 5950X", "svm aes pclmulqdq rdrand")],
        cpuid: [sev: .init(eax: 1)], msr: [0xC001_0010: 0], log: "", kvm: nil)

    /// A laptop whose firmware leaves TME off; the log may not be read.
    static let laptop = host(
        [
            cpuInfo(
                "GenuineIntel", "12th Gen Intel(R) Core(TM) i7-1260P",
                "vmx aes pclmulqdq rdrand rdseed vaes vpclmulqdq"),
            cache(2, level: 2, "Unified", "1280K", ways: 10, sets: 2048, sharedBy: "0-1"),
            cache(3, level: 3, "Unified", "18432K", ways: 12, sets: 24576, sharedBy: "0-15"),
            ["/sys/module/kvm_intel/parameters/nested": "N\n"],
        ],
        cpuid: [.init(leaf: 7): .init(ecx: 1 << 13)], msr: [0x982: 1], kvm: false)

    /// A virtual machine that shows next to nothing.
    static let hidden = host(
        [cpuInfo("GenuineIntel", "Some Processor", "hypervisor")], log: "[    0.0] Linux version\n", kvm: nil)
}
