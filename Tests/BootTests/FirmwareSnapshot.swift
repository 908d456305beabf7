import FrostCore
import FrostFormat
import FrostMachine
@testable import FrostProof
import FrostSupport

/// What the firmware left in memory, taken before the guest's first instruction.
struct FirmwareSnapshot {
    private var frames: [UInt64: [UInt8]] = [:]
    private let tables: Range<UInt64>

    init(_ machine: Machine) throws {
        tables = machine.image.plan.frozenEnd..<machine.image.plan.ram.bytes
        for frame in try machine.ram.framesInUse() {
            frames[frame] = try machine.ram.read(at: frame, count: Int(PAGE_BYTES))
        }
    }

    /// Whether a frame holds now what the firmware put there, or is the firmware's to change.
    func explains(_ frame: UInt64, in memory: GuestRAM) throws -> Bool {
        // Low memory was taken into the tree before the guest ran, and the loader's part of it erased.
        guard frame >= MemoryPlan.legacy.lowerBound, let then = frames[frame] else { return false }
        // The BIOS's variables change when it is called.
        if MemoryPlan.legacy.contains(frame) || tables.contains(frame) { return true }
        return try memory.read(at: frame, count: Int(PAGE_BYTES)) == then
    }
}
