import FrostSupport

/// Which machine a result is of, by its own CPUID; anybody can write another.
package struct SiliconMachine: Codable, Sendable, Equatable {
    package var vendor: String
    package var name: String
    package var family: UInt32
    package var model: UInt32
    package var stepping: UInt32
    package var isStartedByUEFI: Bool
    /// Of the largest cache for data that CPUID tells of; 0: it tells of none.
    package var cacheBytes: UInt64
    /// Of the largest region that was tried.
    package var largestRegion: UInt64
    /// Why its result proves nothing; nil: nothing speaks against metal.
    package var doubt: String?

    private static let amdVendors = ["AuthenticAMD", "HygonGenuine"]
    private static let hypervisorBit: UInt64 = 1 << 31
    /// Of emulators' and virtual machines' names.
    private static let emulators = ["qemu", "bochs", "tcg", "kvm", "virtual", "simics", "emulat"]
    /// No DRAM is nearer than so many times a cache: what was flushed and is as near was in no cache.
    private static let leastDRAM: UInt64 = 2
    /// What a read between fences takes at the very least, of a counter that may be a third as fast as the CPU.
    private static let leastCycles: UInt64 = 10
    private static let invalidOpcode: UInt64 = 6

    var isAMD: Bool { Self.amdVendors.contains(vendor) }
    var isIntel: Bool { vendor == "GenuineIntel" }

    init(of result: SiliconResult) {
        let cpu = result.line("cpu"), boot = result.line("boot")
        let leaf = result["leaf"].first { $0["leaf"] == 1 }
        let signature = UInt32(truncatingIfNeeded: leaf?["eax"] ?? 0)
        vendor = Self.text([cpu["ebx"], cpu["edx"], cpu["ecx"]])
        name = Self.text(
            result["brand"].filter { $0.outcome == .ok }.flatMap {
                [$0["eax"], $0["ebx"], $0["ecx"], $0["edx"]]
            })
        let family = signature >> 8 & 0xF, model = signature >> 4 & 0xF
        self.family = family == 0xF ? family + (signature >> 20 & 0xFF) : family
        self.model = family == 0xF || family == 6 ? model | signature >> 12 & 0xF0 : model
        stepping = signature & 0xF
        isStartedByUEFI = boot["uefi"] != 0
        (cacheBytes, largestRegion) = (boot["cache"], boot["region"])
        doubt = Self.doubt(of: result, name: name, features: leaf?["ecx"] ?? 0)
    }

    private static func doubt(of result: SiliconResult, name: String, features: UInt64) -> String? {
        if features & hypervisorBit != 0 {
            return "CPUID says that a hypervisor is below (leaf 1, ECX bit 31)"
        }
        if let word = emulators.first(where: { name.lowercased().contains($0) }) {
            return "the CPU's name has '\(word)' in it, as emulators' have"
        }
        let latency = result.line("latency")
        guard latency.outcome == .ok else {
            return "what tells metal from an emulator is not in it: \(latency.failure ?? "")"
        }
        if latency["low"] < leastCycles {
            return "a read took \(latency["low"].of("cycle")), fences included: no CPU is as fast"
        }
        if latency["dram-median"] / leastDRAM < max(latency["median"], 1) {
            return """
                a line that was flushed is as near (\(latency["dram-median"]) cycles) as one that was not \
                (\(latency["median"])): no machine with a cache is so
                """
        }
        let marks = result.lines.compactMap(\.marks)
        if !marks.isEmpty, !marks.contains(where: { $0.kept > 0 }) {
            return "INVD dropped nothing anywhere: something swallows it, or makes a WBINVD of it"
        }
        let fault = result.line("guard.fault"), hang = result.line("guard.hang")
        if fault.outcome != .fault || fault.values[0] != invalidOpcode {
            return "the control that faults on purpose did not fault"
        }
        return hang.outcome == .ok || hang.outcome == .fault
            ? "the control that hangs on purpose did not hang" : nil
    }

    /// Registers' bytes in order; what no name has becomes a dot.
    private static func text(_ registers: [UInt64]) -> String {
        let bytes = registers.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        let text = bytes.prefix { $0 != 0 }.map {
            (32..<127).contains($0) ? Character(Unicode.Scalar($0)) : "."
        }
        return String(text).split(separator: " ").joined(separator: " ")
    }
}

extension SiliconMachine: CustomStringConvertible {
    package var description: String {
        """
        \(name.isEmpty ? vendor : name) (\(vendor), family \(family.hexadecimal) model \(model.hexadecimal) \
        stepping \(stepping)), started by \(isStartedByUEFI ? "UEFI" : "BIOS")
        """
    }
}
