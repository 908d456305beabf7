import FrostCore
import FrostFormat
import FrostMachine
import FrostProof
import FrostSupport

/// All homes below the frozen region as they were at one instant: what a listener on the bus can know.
struct BusRecord {
    private let plan: MemoryPlan
    /// By address. Frames of zeroes are left out: nothing was ever sealed there.
    private let frames: [UInt64: [UInt8]]

    private static let frameBytes = Int(PAGE_BYTES)
    private static let chunkBytes = 1 << 20
    /// Devices and ROMs.
    private static let hole: Range<UInt64> = 0xA0000..<0x100000

    /// Pages that have been sealed, in order of their homes.
    let pages: [page_id]
    /// Guest pages whose metadata page had no slot: its home is as new as theirs, so they go together.
    let vouched: Set<page_id>

    init(plan: MemoryPlan, frames: [UInt64: [UInt8]], vouched: (page_id) -> Bool) {
        self.plan = plan
        self.frames = frames
        pages = frames.keys.sorted().map { plan.page(at: $0) }
        self.vouched = Set(pages.filter { page_level($0) == 0 && vouched($0) })
    }

    init(_ machine: Machine, _ view: FrozenView) throws {
        let plan = machine.image.plan
        var frames: [UInt64: [UInt8]] = [:]
        for start in stride(from: 0, to: plan.frozenBase, by: Self.chunkBytes) {
            let count = min(Self.chunkBytes, Int(plan.frozenBase - start))
            let chunk = try machine.ram.read(at: start, count: count)
            for offset in stride(from: 0, to: count, by: Self.frameBytes) {
                let address = start + UInt64(offset), frame = Array(chunk[offset..<offset + Self.frameBytes])
                if !Self.hole.contains(address) && !frame.isZero { frames[address] = frame }
            }
        }
        self.init(plan: plan, frames: frames) { view.slots[page_parent($0)] == nil }
    }

    /// nil when nothing lay there.
    subscript(page: page_id) -> [UInt8]? { frames[plan.home(page)] }
}

extension MemoryPlan {
    /// The page whose home lies at an address below the frozen region.
    func page(at home: UInt64) -> page_id {
        let geometry = geometry
        let bases = withUnsafeBytes(of: geometry.level_base) { Array($0.bindMemory(to: UInt64.self)) }
        let level = home < metaBase ? 0 : (1...Int(geometry.top_level)).last { bases[$0] <= home } ?? 0
        return page_make(UInt32(level), (home - bases[level]) / UInt64(PAGE_BYTES))
    }
}
