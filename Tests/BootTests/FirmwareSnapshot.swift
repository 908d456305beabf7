import FrostCore
import FrostFormat
@testable import FrostMachine
@testable import FrostProof
import FrostSupport

/// What the firmware left in memory, taken before the guest's first instruction.
struct FirmwareSnapshot {
    private var frames: [UInt64: [UInt8]] = [:]
    private let tables: Range<UInt64>

    init(_ machine: Machine) throws {
        let plan = machine.image.plan
        tables = MemoryMap(plan, lowRAMBytes: GuestRAM.lowBytes(of: plan.ram)).tables
        for frame in try machine.ram.framesInUse() {
            frames[frame] = try machine.ram.read(at: frame, count: Int(PAGE_BYTES))
        }
    }

    /// Whether a frame holds now what the firmware put there.
    func explains(_ frame: UInt64, in memory: GuestRAM) throws -> Bool {
        // Low memory and ACPI tables were taken into the tree before the guest ran, and the loader's part erased.
        guard frame >= MemoryPlan.legacy.lowerBound, !tables.contains(frame), let then = frames[frame] else {
            return false
        }
        return try memory.read(at: frame, count: Int(PAGE_BYTES)) == then
    }
}
