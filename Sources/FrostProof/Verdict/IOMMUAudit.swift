import FrostMachine
import FrostSupport

/// What an IOMMU lets devices reach: by its own registers, and by its tables as they stood in the frozen region when the
/// hypervisor began its ending.
///
/// Stricter than an IOMMU in what passes: an entry counts that permits reads or writes, whatever the entries above it
/// permit.
///
/// - Source: Intel Virtualization Technology for Directed I/O (D51397), "Root Entry", "Context Entry", "Second-Level
///   Paging Entries"; AMD I/O Virtualization Technology (48882), "Device Table Entry Format", "I/O Page Tables".
struct IOMMUAudit {
    private(set) var evidence = Evidence(.frozenRegion)
    private let shared: SharedHomes
    private let base: UInt64
    private let region: UnsafeRawBufferPointer
    private let place: (UInt64) -> String
    private var walked: Set<Table> = []
    private var reachable: Set<UInt64> = []

    private struct Table: Hashable {
        var address: UInt64
        var level: Int
    }

    private static let page: UInt64 = 4096
    private static let frame: UInt64 = 0x000F_FFFF_FFFF_F000
    private static let source = "docs/design/shared-pages.md, What devices reach"

    /// - Parameters:
    ///   - registers: all that were ever seen in them once the guest ran.
    ///   - region: what stood in it.
    init(
        _ registers: Set<IOMMURegisters>, region: UnsafeRawBufferPointer, at base: UInt64,
        shared: SharedHomes,
        place: @escaping (UInt64) -> String
    ) {
        (self.region, self.base, self.shared, self.place) = (region, base, shared, place)
        for registers in registers {
            switch registers.kind {
            case .none: break
            case .intel: walkVTd(registers)
            case .amd: walkAMDVi(registers)
            }
        }
        evidence.figures = ["devices reach \(reachable.count.of("page")) at the end"]
    }

    // MARK: units

    private mutating func walkVTd(_ registers: IOMMURegisters) {
        // GSTS.TES; then the root table's mode, in RTADDR: legacy.
        guard registers.control >> 31 & 1 == 1 else { return passes("VT-d does not translate") }
        guard registers.tables >> 10 & 3 == 0 else { return passes("VT-d's root table is of another mode") }
        for bus in 0..<UInt64(256) {
            guard let root = entry(registers.tables & Self.frame, 16 * bus), root & 1 == 1 else { continue }
            for function in 0..<UInt64(256) {
                let context = root & Self.frame
                guard let low = entry(context, 16 * function), low & 1 == 1 else { continue }
                // Its translation type; then how many levels there are.
                guard low >> 2 & 3 == 0 else {
                    passes("A function on bus \(bus) is not translated by VT-d")
                    continue
                }
                let levels = Int((entry(context, 16 * function + 8) ?? 0) & 7) + 2
                walk(Table(address: low & Self.frame, level: levels)) { entry, level in
                    entry & 3 == 0
                        ? .nothing : level == 1 || entry >> 7 & 1 == 1 ? .leaf : .table(level - 1)
                }
            }
        }
    }

    private mutating func walkAMDVi(_ registers: IOMMURegisters) {
        guard registers.control & 1 == 1 else { return passes("AMD-Vi is off") }
        guard registers.exclusion & 1 == 0 else { return passes("AMD-Vi has an exclusion range") }
        // Its size is in pages, less one.
        let functions = ((registers.tables & 0x1FF) + 1) * Self.page / 32
        for function in 0..<functions {
            guard let low = entry(registers.tables & Self.frame, 32 * function) else { continue }
            let levels = Int(low >> 9 & 7), isPermitted = low >> 61 & 3 != 0
            // V and TV: without the first all passes, without the second nothing is said of what does.
            guard low & 3 == 3, levels != 0 || !isPermitted else {
                passes("Function \(function) is not translated by AMD-Vi")
                continue
            }
            guard levels != 0 else { continue }
            walk(Table(address: low & Self.frame, level: levels)) { entry, _ in
                guard entry & 1 == 1 else { return .nothing }
                let next = Int(entry >> 9 & 7)
                return next == 0 || next == 7 ? .leaf : .table(next)
            }
        }
    }

    // MARK: tables

    private enum Target {
        case nothing, leaf
        case table(_ level: Int)
    }

    /// Each table once: where an entry leads does not depend on the address that is translated.
    private mutating func walk(_ table: Table, _ target: (_ entry: UInt64, _ level: Int) -> Target) {
        guard walked.insert(table).inserted else { return }
        for index in 0..<UInt64(512) {
            guard let entry = entry(table.address, 8 * index) else { return }
            switch target(entry, table.level) {
            case .nothing: break
            case .table(let level): walk(Table(address: entry & Self.frame, level: level), target)
            case .leaf:
                let bytes = Self.page << (9 * UInt64(table.level - 1))
                let start = entry & Self.frame & ~(bytes - 1)
                reach(start..<start + bytes)
            }
        }
    }

    private mutating func reach(_ addresses: Range<UInt64>) {
        for page in stride(from: addresses.lowerBound, to: addresses.upperBound, by: Int(Self.page)) {
            reachable.insert(page)
            guard !shared.hold(page..<page + Self.page) else { continue }
            evidence.add("iommu-mapping", "Devices may reach a page that the guest does not share.") {
                $0.address = page
                $0.place = place(page)
                $0.source = Self.source
            }
            return
        }
    }

    /// Nil, and told: it lies where not the hypervisor alone can write.
    private mutating func entry(_ table: UInt64, _ offset: UInt64) -> UInt64? {
        let at = (table &- base).addingReportingOverflow(offset)
        guard !at.overflow, at.partialValue <= UInt64(region.count) - 8 else {
            evidence.add("iommu-table", "A table of the IOMMU lies outside of the frozen region.") {
                $0.address = table
                $0.place = place(table)
                $0.source = Self.source
            }
            return nil
        }
        return region.loadUnaligned(fromByteOffset: Int(at.partialValue), as: UInt64.self)
    }

    private mutating func passes(_ why: String) {
        evidence.add("iommu-passes", "\(why): devices reach all of memory.") { $0.source = Self.source }
    }
}
