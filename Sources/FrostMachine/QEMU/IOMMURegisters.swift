import FrostSupport

/// Where the machine's IOMMU finds its tables and whether it uses them, as QEMU tells: the hypervisor is not asked.
///
/// - Source: Intel Virtualization Technology for Directed I/O (D51397), "Register Descriptions"; AMD I/O
///   Virtualization Technology (48882), "MMIO Registers".
package struct IOMMURegisters: Codable, Sendable, Hashable {
    package var kind: Board.IOMMU
    /// RTADDR_REG; the device table's base address.
    package var tables: UInt64
    /// GSTS_REG in its low half; the control register.
    package var control: UInt64
    /// AMD's exclusion base: what passes untranslated.
    package var exclusion: UInt64

    package init(kind: Board.IOMMU, tables: UInt64, control: UInt64, exclusion: UInt64 = 0) {
        (self.kind, self.tables, self.control, self.exclusion) = (kind, tables, control, exclusion)
    }

    /// Nil: the board has no IOMMU.
    /// - Throws: as QEMU's control socket.
    package init?(_ kind: Board.IOMMU, of machine: Machine) throws {
        switch kind {
        case .none: return nil
        case .intel:
            self.init(
                kind: kind, tables: try machine.word(at: OutsideIOMMU.vtd + 0x20),
                // Four bytes from 1Ch on.
                control: try machine.word(at: OutsideIOMMU.vtd + 0x18) >> 32)
        case .amd:
            self.init(
                kind: kind, tables: try machine.word(at: OutsideIOMMU.amdvi),
                control: try machine.word(at: OutsideIOMMU.amdvi + 0x18),
                exclusion: try machine.word(at: OutsideIOMMU.amdvi + 0x20))
        }
    }
}

extension Machine {
    /// Eight bytes of what is on the bus, a device's registers too.
    fileprivate func word(at address: UInt64) throws -> UInt64 {
        let command = "xp /1gx \(address.hexadecimal)"
        let answer = try qmp().monitor(command).first?.split(separator: " ").last ?? ""
        guard answer.hasPrefix("0x"), let value = UInt64(answer.dropFirst(2), radix: 16) else {
            throw QMP.Failure.refused(command, String(answer))
        }
        return value
    }
}
