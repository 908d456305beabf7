package import FrostCore
package import FrostFormat
package import FrostSupport
import ResidencyRecord

/// What a physical address belongs to, on the machine that a recorded image was made for.
///
/// What the firmware filled follows from the machine, not from what the hypervisor takes it for.
package struct MemoryMap {
    package enum Place: Equatable {
        case region(offset: UInt64)
        /// Video memory and ROMs, which nobody writes to but devices and firmware.
        case firmware
        case home(page_id)
        /// Neither RAM of the guest nor a page's home.
        case unassigned
    }

    package let region: Range<UInt64>
    /// Where the firmware keeps ACPI's tables, which the pager takes over when the guest is launched.
    package let tables: Range<UInt64>
    private let plan: MemoryPlan

    /// What the BIOS keeps at the top of RAM below 4 GiB for ACPI tables, and reserves in its memory map.
    /// - Source: the map that SeaBIOS 1.16 gives on QEMU 7.2, as Linux prints it. Another BIOS that reserves more is
    ///   taken to leak, one that reserves less to own what it does not: compare when either is replaced.
    package static let seaBIOSTables = 132 * ByteCount.kibibyte

    /// The same of Bochs's BIOS.
    /// - Source: Bochs 2.7, bios/rombios.h, ACPI_DATA_SIZE.
    package static let bochsTables = 64 * ByteCount.kibibyte

    /// - Parameter tableBytes: as another machine's BIOS has it.
    package init(_ plan: MemoryPlan, lowRAMBytes: UInt64, tableBytes: ByteCount = Self.seaBIOSTables) {
        self.plan = plan
        region = plan.frozenBase..<plan.frozenEnd
        tables = lowRAMBytes - tableBytes.bytes..<lowRAMBytes
    }

    package func isFirmware(_ address: UInt64) -> Bool {
        MemoryPlan.legacy.contains(address)
    }

    package func place(of address: UInt64) -> Place {
        if region.contains(address) { return .region(offset: address - region.lowerBound) }
        if isFirmware(address) { return .firmware }
        return plan.page(at: address).map { .home($0) } ?? .unassigned
    }

    package func home(of page: page_id) -> UInt64? {
        page_level(page) <= plan.geometry.top_level ? plan.home(page) : nil
    }

    package func describe(_ address: UInt64) -> String {
        switch place(of: address) {
        case .region: "the frozen region"
        case .firmware: "memory of the firmware"
        case .home(let page): "the home of \(Self.describe(page))"
        case .unassigned: "RAM that is no page's home"
        }
    }

    package static func describe(_ page: page_id) -> String {
        page_level(page) == 0
            ? "guest page \((UInt64(page_index(page)) * UInt64(PAGE_BYTES)).hexadecimal)"
            : "metadata page \(page_index(page)) of level \(page_level(page))"
    }
}
