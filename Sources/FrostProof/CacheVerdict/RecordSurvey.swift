import FrostCore
import FrostSupport
package import ResidencyRecord

/// A first walk through a log: everything but the bytes.
package struct RecordSurvey {
    package var keys: [UInt32: [UInt8]] = [:]
    package var phases: [residency_phase_change] = []
    var violations: [residency_violation] = []
    /// Instructions that the hypervisor's code was fetched with from outside of the region.
    var hostFetches: [residency_transfer] = []
    var hostFetchCount = 0
    var writes = 0
    var writtenBytes = 0
    var unseenBytes = 0
    /// When the last of them began.
    package var lastWrite: UInt64 = 0
    var reads = 0
    var readBytes = 0
    var entries = 0
    /// Where in the file the last entry stands.
    var lastEntry = 0
    var checkpoints = 0
    var frames: UInt64 = 0
    var hostTables: UInt64 = 0
    var nestedTables: UInt64 = 0
    var nestedLeaves: UInt64 = 0
    /// The largest number that any checkpoint saw.
    var publicFrames: UInt64 = 0
    private(set) var shared = SharedHomes()
    package var end: residency_end?
    /// Why the walk ended before the log did.
    package var failure: ResidencyLog.Failure?

    private static let keptFetches = 16

    package init(_ log: ResidencyLog) {
        var records = log.records
        do throws(ResidencyLog.Failure) {
            while true {
                let position = records.position
                guard let record = try records.next() else { break }
                add(record, at: position, region: log.region)
            }
        } catch {
            failure = error
        }
    }

    private mutating func add(_ record: ResidencyLog.Record, at position: Int, region: Range<UInt64>) {
        switch record {
        case .phase(let phase): phases.append(phase)
        case .control: break
        case .key(let key): keys[key.state] = [UInt8](memoryOf: key.raw)
        case .write(let transfer, let bytes):
            writes += 1
            lastWrite = max(lastWrite, transfer.record.instant)
            writtenBytes += bytes.count
            if transfer.mode == MODE_UNSEEN { unseenBytes += bytes.count }
        case .read(let transfer):
            reads += 1
            readBytes += Int(transfer.bytes)
            guard transfer.access == ACCESS_FETCH, transfer.mode == MODE_HOST else { return }
            hostFetchCount += 1
            if hostFetches.count < Self.keptFetches { hostFetches.append(transfer) }
        case .entry:
            entries += 1
            lastEntry = position
        case .violation(let violation): violations.append(violation)
        case .checkpoint(let checkpoint):
            checkpoints += 1
            frames += checkpoint.frames
            hostTables += checkpoint.host_tables
            nestedTables += checkpoint.nested_tables
            nestedLeaves += checkpoint.nested_leaves
            publicFrames = max(publicFrames, checkpoint.public_frames)
        case .sharing(let change): shared.follow(change)
        case .end(let end): self.end = end
        }
    }
}
