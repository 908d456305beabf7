import FrostCore
import FrostFormat
import FrostMachine
import FrostProof
import FrostSupport

/// A device that masters the bus, told from outside to read or to write where it should not.
///
/// What it holds at first is zero. So what is left of a read shows in it, and what it writes is zero.
struct DeviceStrike {
    struct Target: CustomStringConvertible {
        /// What lies there.
        var what: String
        var address: UInt64
        var isRead: Bool

        var description: String { "\(isRead ? "read" : "write") of \(what) at \(address.hexadecimal)" }
    }

    let target: Target
    private let board: Board
    private let device: EduDevice
    private let symbols: SymbolTable

    private static let bytes = EduDevice.bytes

    /// The machine runs, before and after.
    init(_ attack: Attack, _ base: AttackBase, _ machine: Machine) throws {
        (board, symbols) = (base.board, base.symbols)
        try machine.pauseInGuest()
        var generator = attack.generator
        target = try Self.draw(
            FrozenView(machine, symbols: symbols), machine.ram, isRead: .random(using: &generator), &generator
        )
        device = try EduDevice(machine, registers: base.deviceRegisters)
        try machine.resume()
    }

    // MARK: the draw

    /// Each class of memory as often as any other, and of it a place that holds something.
    private static func draw(
        _ view: FrozenView, _ ram: GuestRAM, isRead: Bool, _ generator: inout SplitMix64
    ) throws -> Target {
        let classes = try Self.classes(view, ram)
        for what in classes.keys.sorted().shuffled(using: &generator) {
            for frame in (classes[what] ?? []).shuffled(using: &generator) where frame < EduDevice.reach {
                let places = stride(from: frame, to: frame + UInt64(PAGE_BYTES), by: bytes)
                let place = try places.shuffled(using: &generator).first {
                    try !ram.read(at: $0, count: bytes).isZero
                }
                if let place { return Target(what: what, address: place, isRead: isRead) }
            }
        }
        throw Failure.nothing
    }

    private static func classes(_ view: FrozenView, _ ram: GuestRAM) throws -> [String: [UInt64]] {
        let plan = view.plan
        let slots = view.slots.values.sorted()
        let audit = try TreeAudit(view)
        let firmware = Set(FirmwarePages(plan).pages)
        func homes(_ isWanted: (page_id) -> Bool) -> [UInt64] {
            audit.entries.filter { $0.value.state != PAGE_BLANK.rawValue && isWanted($0.key) }
                .map { plan.home($0.key) }.sorted()
        }
        func frames(_ range: Range<UInt64>) -> [UInt64] {
            Array(stride(from: range.lowerBound, to: range.upperBound, by: Int(PAGE_BYTES)))
        }
        let own = plan.frozenBase..<(slots.first ?? plan.frozenEnd)
        let iommu = try view.address(SYMBOL_IOMMU_TABLES)
        return [
            "the hypervisor and its nested tables": frames(own),
            "a page in its slot": slots,
            "the IOMMU's tables": [iommu],
            "a page's home": homes { page_level($0) == 0 && !firmware.contains($0) },
            "a metadata page's home": homes { page_level($0) > 0 },
            "the home of a page of the firmware's": homes { firmware.contains($0) },
            "a ROM's frame": frames(UInt64(ROM_BASE)..<UInt64(ROM_END)),
            "the firmware's tables": frames(FirmwarePages.tables(plan)),
        ]
    }

    // MARK: the strike

    /// The machine stands still when this returns.
    mutating func carryOut(on machine: Machine) throws -> AttackJudge.Finding {
        let iommu = try OutsideIOMMU(board.iommu, of: machine)
        if target.isRead {
            try device.beginToTake(target.address)
        } else {
            try device.beginToErase(target.address)
        }
        try device.finish()
        let refusal = try iommu.refusal()
        do { try machine.pauseInGuest() } catch Machine.Failure.neverThere {
            return (.missed, "the guest did not go on after a \(kind)")
        }
        let view = try FrozenView(machine, symbols: symbols)
        let broken = try TreeAudit(view).broken.first
        let left = try machine.ram.read(at: target.address, count: Self.bytes)
        let held = try whatItHolds(machine, view, iommu)
        guard let held else { return (.missed, "the device does not work: nothing is shown") }
        if !held.isZero { return (.missed, "the device has read \(target.what)") }
        let right = OutsideIOMMU.Refusal(
            source: device.source, page: target.address & ~UInt64(PAGE_BYTES - 1), isRead: target.isRead)
        guard refusal == right else { return (.missed, "no IOMMU refused a \(kind)") }
        if let broken { return (.missed, "\(pageName(broken)) broke") }
        if !target.isRead && !target.isSlot && left.isZero {
            return (.missed, "the device has written to \(target.what)")
        }
        return (.held, "the IOMMU refused a \(kind), and nothing came of it")
    }

    private var kind: String { "\(target.isRead ? "read" : "write") of \(target.what)" }

    /// What the device gives away once nothing stands before it: all zero when it has read nothing. nil: it gives
    /// nothing, so it does not work at all.
    private func whatItHolds(_ machine: Machine, _ view: FrozenView, _ iommu: OutsideIOMMU) throws -> [UInt8]?
    {
        let sink = try Self.unused(view)
        let pattern = [UInt8](repeating: 0xA5, count: Self.bytes)
        try machine.ram.write(pattern, at: sink)
        try iommu.open()
        try device.beginToGive(to: sink)
        try machine.resume()
        try device.finish()
        try machine.pause()
        let held = try machine.ram.read(at: sink, count: Self.bytes)
        return held == pattern ? nil : held
    }

    /// The highest home that no page has been sealed to.
    private static func unused(_ view: FrozenView) throws -> UInt64 {
        let blank = try TreeAudit(view).entries.filter {
            $0.value.state == PAGE_BLANK.rawValue && page_level($0.key) == 0 && view.slots[$0.key] == nil
        }
        let homes = blank.keys.map { view.plan.home($0) }.filter {
            $0 < min(EduDevice.reach, view.plan.metaBase) && $0 >= ByteCount.mebibyte.bytes
        }
        guard let home = homes.max() else { throw Failure.nothing }
        return home
    }

    enum Failure: Explained, Equatable {
        case nothing

        var exitCode: ExitCode { .otherwise }

        var description: String {
            "The machine has no memory that a device could reach for, or give to. Use a machine of less than 256MiB."
        }
    }
}

extension DeviceStrike.Target {
    /// Slots are erased and used again: that it holds nothing is no device's work.
    fileprivate var isSlot: Bool { what == "a page in its slot" }
}
