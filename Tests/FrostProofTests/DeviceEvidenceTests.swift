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
        _ fact: trace_dma?, isSnooped: Bool = false, on board: Board?
    ) throws -> CacheVerdict {
        let record = try SampleRecord(seed: 7)
        record.inputs.board = board
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
