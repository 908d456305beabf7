import FrostFormat
import FrostSupport

extension HostReport: CustomStringConvertible {
    package var description: String {
        [
            section("TOOLS", toolRows),
            section("CPU", cpuLines),
            section("FREEZE STRATEGIES", rows(freeze.strategies.map { [$0.strategy.rawValue, words($0)] })),
            section("CACHES THAT CAN HOLD A REGION", placeRows),
            section("ENCRYPTION OF RAM BY THE HARDWARE", memoryLines),
            section("KVM", [kvmLack.map { "not for Frostvisor: \($0)" } ?? "offers nested virtualisation"]),
            section(
                "PLATFORMS", rows(platforms.map { [$0.platform, $0.lack ?? "available"] })),
            remedies.isEmpty ? nil : section("WHAT TO DO", remedies.map { "\($0.gap)\n    \($0.action)" }),
            isReady
                ? "Ready: images can be built, and run on qemu-tcg."
                : "Not ready: install what is missing.",
        ].compactMap(\.self).joined(separator: "\n\n")
    }

    private func section(_ title: String, _ lines: [String]) -> String {
        ([title] + lines).joined(separator: "\n")
    }

    /// Two columns.
    private func rows(_ rows: [[String]]) -> [String] {
        let width = (rows.map(\.[0].count).max() ?? 0) + 2
        return rows.map { $0[0] + String(repeating: " ", count: width - $0[0].count) + $0[1] }
    }

    private var toolRows: [String] {
        rows(tools.map { [$0.name, $0.path == nil ? "missing: \($0.install)" : $0.version ?? "present"] })
    }

    private var cpuLines: [String] {
        let features = [
            ("AES", cpu.aes), ("PCLMUL", cpu.pclmul), ("VAES", cpu.vaes), ("VPCLMUL", cpu.vpclmul),
            ("RDRAND", cpu.rdrand), ("RDSEED", cpu.rdseed),
        ]
        let lines = caches.map(\.description)
        return ["\(cpu.vendor), \(cpu.model)\(cpu.isVirtual ? ", as a hypervisor shows it" : "")"]
            + [features.map { "\($0.0) \($0.1 ? "yes" : "no")" }.joined(separator: ", ")]
            + (lines.isEmpty ? ["caches: this system does not tell"] : lines)
    }

    private func words(_ strategy: FreezeFit.Strategy) -> String {
        let fit = strategy.isFitting ? "fits" : "does not fit"
        return "\(strategy.isBuilt ? fit : "not built; \(fit)"): \(strategy.reason)"
    }

    private var placeRows: [String] {
        guard !freeze.places.isEmpty else { return ["none: this system does not tell its caches"] }
        var lines = rows(
            freeze.places.map { place in
                let size = place.regionBytes > 0 ? "region up to \(ByteCount(place.regionBytes))" : "none"
                return [
                    place.cache,
                    size + (place.option.map { ": frost verify \($0)" } ?? "")
                        + (place.note.map { ": \($0)" } ?? ""),
                ]
            })
        if cpu.isVirtual {
            lines.append("A virtual machine's caches are shared with whatever else runs on its host.")
        }
        return lines
    }

    private var memoryLines: [String] {
        let answer =
            switch memoryEncryption.ram {
            case .on: "RAM is encrypted"
            case .off, .absent: "RAM is not encrypted"
            case .unknown: "whether RAM is encrypted cannot be told from here"
            }
        return [answer]
            + rows(memoryEncryption.techniques.map { [$0.name, "\($0.state.rawValue): \($0.evidence)"] })
    }
}
