import FrostCore
import FrostFormat
import FrostMachine
@testable import FrostProof
import FrostSamples
import FrostSupport
import Foundation
import Testing

/// What a verdict says of devices.
@Suite struct DeviceEvidenceTests {
    private static func verdict(
        _ fact: trace_dma?, isSnooped: Bool = false, on board: Board?,
        _ change: (SampleRecord) -> Void = { _ in }
    ) throws -> CacheVerdict {
        let record = try SampleRecord(seed: 7)
        record.inputs.board = board
        if let kind = board?.iommu, kind != .none { Self.deny(kind, record) }
        change(record)
        if let fact {
            let value = UInt64(fact.rawValue | (isSnooped ? DMA_SNOOPED.rawValue : 0))
            let told = TraceBytes.record(.fact, detail: FACT_DMA.rawValue, value: value)
            try Data(TraceBytes.capture([told])).write(to: record.folder.trace)
        }
        return try record.verdict()
    }

    private static func edu(behind iommu: Board.IOMMU) throws -> Board {
        try Board(chipset: .q35, iommu: iommu, devices: ["edu"], allowsUnprotectedDMA: true)
    }

    // MARK: tables

    /// Offsets in the region of tables, where a sample has nothing.
    private static let top = 0x10000, context = 0x12000, leaves = 0x13000

    /// By these tables nothing passes.
    private static func deny(_ kind: Board.IOMMU, _ record: SampleRecord) {
        let address = record.plan.frozenBase + UInt64(top)
        if kind == .intel {
            record.inputs.iommu = [IOMMURegisters(kind: kind, tables: address, control: 1 << 31)]
        } else {
            record.inputs.iommu = [IOMMURegisters(kind: kind, tables: address | 1, control: 1)]
            for function in 0..<256 { put(3, at: top + 32 * function, record) }
        }
    }

    private static func put(_ entry: UInt64, at offset: Int, _ record: SampleRecord) {
        withUnsafeBytes(of: entry.littleEndian) {
            record.region.replaceSubrange(offset..<offset + 8, with: $0)
        }
    }

    /// Leads bus 0's first function of VT-d, or the first of AMD-Vi, to one table of leaves; of two levels by VT-d.
    private static func lead(_ kind: Board.IOMMU, to leaf: UInt64, _ record: SampleRecord) {
        let base = record.plan.frozenBase
        if kind == .intel {
            put(base + UInt64(context) | 1, at: top, record)
            put(base + UInt64(leaves) | 1, at: context, record)
            // Two levels; the second table is the first.
            put(0, at: context + 8, record)
            put(base + UInt64(leaves) + 0x1000 | 3, at: leaves, record)
            put(leaf | 3, at: leaves + 0x1000, record)
        } else {
            put(base + UInt64(leaves) | 3 << 61 | 1 << 9 | 3, at: top, record)
            put(leaf | 3 << 61 | 1, at: leaves, record)
        }
    }

    @Test("What an IOMMU lets devices reach must be shared", arguments: [Board.IOMMU.intel, .amd])
    func reachable(kind: Board.IOMMU) throws {
        let fact = kind == .intel ? DMA_VTD : DMA_AMDVI, board = try Self.edu(behind: kind)
        func rules(_ change: (SampleRecord) -> Void) throws -> [String] {
            let verdict = try Self.verdict(fact, on: board, change)
            return verdict.finding(.frozenRegion)?.violations.map(\.rule) ?? []
        }
        #expect(try rules { _ in } == [])
        #expect(try rules { Self.lead(kind, to: 0x10_0000, $0) } == ["iommu-mapping"])
        // The hypervisor's own.
        #expect(try rules { Self.lead(kind, to: $0.plan.frozenBase, $0) } == ["iommu-mapping"])
        #expect(
            try rules {
                $0.inputs.iommu?.insert(IOMMURegisters(kind: kind, tables: 0x10_0000, control: 1 << 31 | 1))
            }.contains("iommu-table"))
        #expect(
            try rules {
                $0.inputs.iommu?.insert(IOMMURegisters(kind: kind, tables: 0, control: 0))
            } == ["iommu-passes"])
        #expect(
            try rules {
                Self.lead(kind, to: 0x10_0000, $0);
                Self.put(kind == .intel ? 0b1001 : 0, at: kind == .intel ? Self.context : Self.top, $0)
            }
                == ["iommu-passes"])
    }

    @Test("An IOMMU whose registers were never read proves nothing")
    func unread() throws {
        let verdict = try Self.verdict(DMA_VTD, on: Self.edu(behind: .intel)) { $0.inputs.iommu = nil }
        #expect(verdict.answer == .notProvable)
        #expect(verdict.faults.contains { $0.contains("were never read") }, "\(verdict)")
    }

    // MARK: what is told

    @Test("A machine without an IOMMU and without a device is proven, and the limit is told")
    func plain() throws {
        for verdict in [try Self.verdict(nil, on: nil), try Self.verdict(DMA_OPEN, on: try Board())] {
            #expect(verdict.answer == .proven, "\(verdict)")
            #expect(verdict.limits.contains { $0.hasPrefix("Devices: no IOMMU stood before memory.") })
        }
    }

    @Test("A device with nothing before it is never proven")
    func unprotected() throws {
        for fact in [nil, DMA_OPEN] {
            let verdict = try Self.verdict(fact, on: Self.edu(behind: .none))
            #expect(verdict.answer == .notProvable)
            #expect(verdict.faults.contains { $0.contains("given to the guest (edu)") }, "\(verdict)")
        }
        // The machine has an IOMMU, and the hypervisor did not turn it on.
        let verdict = try Self.verdict(DMA_OPEN, on: Self.edu(behind: .amd))
        #expect(verdict.answer == .notProvable)
    }

    @Test("A device behind an IOMMU is proven, and how its tables are read is told")
    func protected() throws {
        let fromDRAM = try Self.verdict(DMA_VTD, on: Self.edu(behind: .intel))
        #expect(fromDRAM.answer == .proven, "\(fromDRAM)")
        #expect(fromDRAM.limits.contains { $0.contains("who writes DRAM can open it") })
        let snooped = try Self.verdict(DMA_AMDVI, isSnooped: true, on: Self.edu(behind: .amd))
        #expect(snooped.answer == .proven, "\(snooped)")
        #expect(
            snooped.limits.contains { $0.contains("AMD-Vi lets nothing pass; its tables are read through") })
    }

    @Test("Under Bochs's debugger a guest that may share pages is refused")
    func sharing() throws {
        let sample = try SampleImage()
        try BootImage(reading: sample.file).requireNoSharing()
        try sample.forge { $0.devices = DEVICES_SHARED.rawValue }
        let image = try BootImage(reading: sample.file)
        #expect(throws: UnfollowedSharing.self) { try image.requireNoSharing() }
        #expect(UnfollowedSharing().exitCode == .notProvable)
    }

    @Test("An IOMMU that the machine does not have is not believed")
    func contradiction() throws {
        let boards: [(trace_dma, Board?)] = [
            (DMA_VTD, nil), (DMA_VTD, try Board()), (DMA_VTD, try Board(iommu: .amd)),
            (DMA_AMDVI, try Board(iommu: .intel)),
        ]
        for (fact, board) in boards {
            let verdict = try Self.verdict(fact, on: board)
            #expect(verdict.answer == .notProvable)
            #expect(
                verdict.faults.contains { $0.contains("but the machine has no such IOMMU") }, "\(verdict)")
        }
    }
}
