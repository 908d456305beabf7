import FrostCore
import FrostFormat
import FrostMachine
import FrostSupport
import ResidencyRecord

/// What firmware leaves for the guest to read, on QEMU's machine: pages of the guest from its launch on.
struct FirmwarePages {
    /// Of ACPI's tables, and of ROMs.
    let pages: [page_id]

    /// Where the ROMs lay, and still lie in DRAM: homes of nothing.
    static let romFrames = Array(
        stride(from: UInt64(ROM_BASE), to: UInt64(ROM_END), by: Int(PAGE_BYTES)))

    init(_ plan: MemoryPlan) {
        let tables = MemoryMap(plan, lowRAMBytes: GuestRAM.lowBytes(of: plan.ram)).firmware[1]
        let addresses =
            Self.romFrames + stride(from: tables.lowerBound, to: tables.upperBound, by: Int(PAGE_BYTES))
        // Above what the image covers there are none.
        pages = addresses.filter { $0 < plan.coveredBytes }.map { page_make(0, $0 / UInt64(PAGE_BYTES)) }
    }
}
