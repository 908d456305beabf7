import FrostCore
import FrostFormat
import FrostMachine
import FrostSupport
import ResidencyRecord

/// What firmware leaves for the guest to read, on QEMU's machine that is saved: pages of the guest from its launch on.
struct FirmwarePages {
    /// Of ACPI's tables, and of ROMs.
    let pages: [page_id]

    /// Where the ROMs lay, and still lie in DRAM: homes of nothing.
    static let romFrames = Array(
        stride(from: UInt64(ROM_BASE), to: UInt64(ROM_END), by: Int(PAGE_BYTES)))

    /// The saved machine's disk is an IDE one. With AHCI the BIOS keeps a page more, for that.
    /// - Source: the map of SeaBIOS 1.16 on QEMU 7.2, as it prints it at port 402h; Q35 and i440FX alike.
    private static let tableBytes = 128 * ByteCount.kibibyte

    /// ACPI's tables.
    static func tables(_ plan: MemoryPlan) -> Range<UInt64> {
        MemoryMap(plan, lowRAMBytes: GuestRAM.lowBytes(of: plan.ram), tableBytes: tableBytes).tables
    }

    init(_ plan: MemoryPlan) {
        let tables = Self.tables(plan)
        let addresses =
            Self.romFrames + stride(from: tables.lowerBound, to: tables.upperBound, by: Int(PAGE_BYTES))
        // Above what the image covers there are none.
        pages = addresses.filter { $0 < plan.coveredBytes }.map { page_make(0, $0 / UInt64(PAGE_BYTES)) }
    }
}
