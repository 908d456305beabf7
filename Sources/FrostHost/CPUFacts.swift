/// The host's CPU: who made it, and what the cipher can use of it.
package struct CPUFacts: Codable, Sendable, Equatable {
    package var vendor: String
    package var model: String
    package var aes: Bool
    package var pclmul: Bool
    package var vaes: Bool
    package var vpclmul: Bool
    package var rdseed: Bool
    package var rdrand: Bool
    /// A hypervisor runs us, and shows what it likes of the CPU.
    package var isVirtual: Bool

    package init() {
        self.init(.here)
    }

    init(_ sources: HostSources) {
        let flags = sources.cpuFlags
        vendor = sources.cpuField("vendor_id") ?? "unknown"
        model = sources.cpuField("model name") ?? "unknown"
        aes = flags.contains("aes")
        pclmul = flags.contains("pclmulqdq")
        vaes = flags.contains("vaes")
        vpclmul = flags.contains("vpclmulqdq")
        rdseed = flags.contains("rdseed")
        rdrand = flags.contains("rdrand")
        isVirtual = flags.contains("hypervisor")
    }

    /// Whose cache rules apply; nil for a vendor that the model does not know.
    var cacheVendor: CacheChoice.Vendor? {
        switch vendor {
        case "AuthenticAMD", "HygonGenuine": .amd
        case "GenuineIntel": .intel
        default: nil
        }
    }

    /// What the hypervisor demands and this CPU lacks.
    var missing: [String] {
        [("AES-NI", aes), ("PCLMULQDQ", pclmul), ("RDRAND", rdrand)].filter { !$0.1 }.map(\.0)
    }
}
