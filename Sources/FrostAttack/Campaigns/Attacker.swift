import FrostCore
import FrostFormat
import FrostMachine
import FrostSupport

/// Draws what becomes of which homes. Knows what the bus carried, and nothing of the frozen region.
struct Attacker {
    private let then: BusRecord
    private let now: BusRecord
    private let plan: MemoryPlan
    private var generator: SplitMix64

    /// One target in this many is a guest page that was never sealed; one in this many of the others a metadata page.
    private static let blankEvery = 12
    private static let metadataEvery = 4
    /// What an attacker puts into firmware's memory at a time: as much as a method in AML that reads and prints takes.
    private static let forgedBytes = 1008
    private static let firstGuestPage = page_id(0x100000 / PAGE_BYTES)

    /// - Parameters:
    ///   - then: what he listened to earlier.
    ///   - now: while he strikes.
    init(plan: MemoryPlan, then: BusRecord, now: BusRecord, generator: SplitMix64) {
        (self.plan, self.then, self.now, self.generator) = (plan, then, now, generator)
    }

    /// What the homes of some pages become; nil when the machine offers nothing for such an attack now. Each differs
    /// from what lies there.
    mutating func draw(_ kind: AttackKind) -> [page_id: [UInt8]]? {
        let homes = homes(kind) ?? [:]
        let isChange = homes.allSatisfy { $0.value != content($0.key) }
        return homes.isEmpty || !isChange ? nil : homes
    }

    private mutating func homes(_ kind: AttackKind) -> [page_id: [UInt8]]? {
        switch kind {
        case .flip:
            guard let page = target(mayBeBlank: true) else { return nil }
            var home = content(page)
            let bit = Int.random(in: 0..<home.count * 8, using: &generator)
            home[bit / 8] ^= 1 << (bit % 8)
            return [page: home]
        case .zero:
            return target().map { [$0: [UInt8](repeating: 0, count: Int(PAGE_BYTES))] }
        case .swap:
            guard let one = target(mayBeBlank: true), let other = target(), one != other else { return nil }
            return [one: content(other), other: content(one)]
        case .splice:
            guard let page = target(mayBeBlank: true), let other = target(), page != other else { return nil }
            return [page: content(other)]
        case .replay:
            return earlier(changed { page_level($0) == 0 }.randomElement(using: &generator))
        case .rollback:
            return earlier(changed { page_level($0) > 0 }.randomElement(using: &generator))
        case .rollbackPair:
            let pages = changed { page_level($0) == 0 }.filter { then.paired.contains($0) }
            let parents = Set(changed { page_level($0) == 1 })
            let child = pages.filter { parents.contains(page_parent($0)) }.randomElement(using: &generator)
            guard let child, let home = then[child], let parent = then[page_parent(child)] else { return nil }
            return [child: home, page_parent(child): parent]
        case .firmware:
            guard let page = FirmwarePages(plan).pages.randomElement(using: &generator) else { return nil }
            return [page: forged(content(page))]
        case .kill, .reset, .nmi, .initialise, .smi, .device, .secondCPU, .secondCPUByNMI, .header:
            return nil
        }
    }

    /// Frames that ROMs came from, which nobody has for a home, and what becomes of one.
    mutating func drawFrame(_ kind: AttackKind, in ram: GuestRAM) throws -> [UInt64: [UInt8]] {
        guard kind == .firmware, let frame = FirmwarePages.romFrames.randomElement(using: &generator) else {
            return [:]
        }
        return [frame: forged(try ram.read(at: frame, count: Int(PAGE_BYTES)))]
    }

    /// One bit, or a stretch, is another.
    private mutating func forged(_ frame: [UInt8]) -> [UInt8] {
        var frame = frame
        let isBit = Bool.random(using: &generator)
        let start = Int.random(in: 0...frame.count - Self.forgedBytes, using: &generator)
        for at in isBit ? start..<start + 1 : start..<start + Self.forgedBytes {
            frame[at] ^= isBit ? 0x10 : .random(in: 1...255, using: &generator)
        }
        return frame
    }

    private func content(_ page: page_id) -> [UInt8] {
        now[page] ?? [UInt8](repeating: 0, count: Int(PAGE_BYTES))
    }

    private func earlier(_ page: page_id?) -> [page_id: [UInt8]]? {
        guard let page, let home = then[page] else { return nil }
        return [page: home]
    }

    private func changed(_ isWanted: (page_id) -> Bool) -> [page_id] {
        now.pages.filter { page in isWanted(page) && then[page].map { $0 != now[page] } ?? false }
    }

    private mutating func target(mayBeBlank: Bool = false) -> page_id? {
        if mayBeBlank && Int.random(in: 0..<Self.blankEvery, using: &generator) == 0 {
            let page = page_id.random(
                in: Self.firstGuestPage..<page_id(plan.metaBase / UInt64(PAGE_BYTES)), using: &generator)
            if now[page] == nil { return page }
        }
        let isMetadata = Int.random(in: 0..<Self.metadataEvery, using: &generator) == 0
        return now.pages.filter { (page_level($0) > 0) == isMetadata }.randomElement(using: &generator)
    }
}
