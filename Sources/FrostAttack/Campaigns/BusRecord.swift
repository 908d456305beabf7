import FrostCore
import FrostFormat
import FrostMachine
import FrostProof
import FrostSupport

/// All homes below 4 GiB as they were at one instant: what a listener on the bus can know.
struct BusRecord {
    private let plan: MemoryPlan
    /// By address. Frames of zeroes are left out: nothing was ever sealed there.
    private let frames: [UInt64: [UInt8]]

    private static let frameBytes = Int(PAGE_BYTES)
    private static let chunkBytes = 1 << 20

    /// Pages that have been sealed, in order of their homes.
    let pages: [page_id]
    /// Guest pages whose metadata page had no slot: its home is as new as theirs, so an old pair of both fits together.
    let paired: Set<page_id>

    init(plan: MemoryPlan, frames: [UInt64: [UInt8]], isPaired: (page_id) -> Bool) {
        self.plan = plan
        self.frames = frames
        pages = frames.keys.sorted().compactMap { plan.page(at: $0) }
        paired = Set(pages.filter { page_level($0) == 0 && isPaired($0) })
    }

    init(_ machine: Machine, _ view: FrozenView) throws {
        let plan = machine.image.plan, ram = try machine.ram
        var frames: [UInt64: [UInt8]] = [:]
        for range in [0..<plan.frozenBase, plan.frozenEnd..<ram.lowBytes] {
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.chunkBytes) {
                let count = min(Self.chunkBytes, Int(range.upperBound - start))
                let chunk = try ram.read(at: start, count: count)
                for offset in stride(from: 0, to: count, by: Self.frameBytes) {
                    let address = start + UInt64(offset)
                    let frame = Array(chunk[offset..<offset + Self.frameBytes])
                    if !MemoryPlan.legacy.contains(address) && !frame.isZero { frames[address] = frame }
                }
            }
        }
        self.init(plan: plan, frames: frames) { view.slots[page_parent($0)] == nil }
    }

    /// nil when nothing lay there.
    subscript(page: page_id) -> [UInt8]? { frames[plan.home(page)] }
}
