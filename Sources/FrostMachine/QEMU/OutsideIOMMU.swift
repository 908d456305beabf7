/// The machine's IOMMU as nobody inside of it reaches it: by QEMU's test socket.
///
/// - Source: Intel Virtualization Technology for Directed I/O (D51397), "Register Descriptions"; AMD I/O
///   Virtualization Technology (48882), "MMIO Registers"; QEMU, hw/i386/intel_iommu.c and amd_iommu.c (addresses).
package struct OutsideIOMMU {
    /// What it refused.
    package struct Refusal: Equatable {
        package var source: UInt16
        package var page: UInt64
        package var isRead: Bool

        package init(source: UInt16, page: UInt64, isRead: Bool) {
            (self.source, self.page, self.isRead) = (source, page, isRead)
        }
    }

    private let kind: Board.IOMMU
    private let bus: BusSocket

    static let vtd: UInt64 = 0xFED9_0000
    private static let capabilities: UInt64 = 0x08
    private static let command: UInt64 = 0x18
    static let amdvi: UInt64 = 0xFED8_0000

    package init(_ kind: Board.IOMMU, of machine: Machine) throws {
        (self.kind, bus) = (kind, try machine.bus())
    }

    /// From now on all passes.
    package func open() throws(QMP.Failure) {
        switch kind {
        case .none: break
        case .intel: try bus.write(UInt32(0), at: Self.vtd + Self.command)
        case .amd: try bus.write(UInt64(0), at: Self.amdvi + 0x18)
        }
    }

    /// What VT-d has recorded first; nil: nothing.
    package func refusal() throws(QMP.Failure) -> Refusal? {
        guard kind == .intel else { return nil }
        let offset = try bus.read(at: Self.vtd + Self.capabilities) >> 24 & 0x3FF
        let record = Self.vtd + offset * 16
        let high = try bus.read(at: record + 8)
        guard high >> 63 == 1 else { return nil }
        return Refusal(
            source: UInt16(truncatingIfNeeded: high), page: try bus.read(at: record) & ~0xFFF,
            isRead: high >> 62 & 1 == 1)
    }
}
