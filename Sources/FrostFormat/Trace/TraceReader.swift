import FrostCore
import FrostSupport

/// Turns bytes of the serial line into records, as they come; finds its way again after noise.
package struct TraceReader {
    package private(set) var trace = Trace()
    private var pending: [UInt8] = []
    private var sequence: UInt16?

    private static let frameBytes = MemoryLayout<trace_frame>.size
    private static let checkedFrom = MemoryLayout<trace_frame>.offset(of: \.record) ?? 0
    private static let sync = [UInt8](memoryOf: UInt16(TRACE_SYNC).littleEndian)

    package init() {}

    package mutating func feed(_ bytes: [UInt8]) {
        pending += bytes
        var at = 0
        while pending.count - at >= Self.frameBytes {
            if let frame = frame(at: at) {
                take(frame)
                at += Self.frameBytes
            } else {
                // Firmware may speak on every serial line that it finds, before there is a hypervisor.
                if sequence != nil { trace.noiseBytes += 1 }
                at += 1
            }
        }
        pending.removeFirst(at)
        trace.partialBytes = pending.count
    }

    private func frame(at offset: Int) -> trace_frame? {
        guard pending[offset] == Self.sync[0], pending[offset + 1] == Self.sync[1] else { return nil }
        let frame = pending.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: offset, as: trace_frame.self)
        }
        let number = withUnsafeBytes(of: frame.sequence) { crc32(0, $0.baseAddress, $0.count) }
        let checksum = withUnsafeBytes(of: frame.record) { crc32(number, $0.baseAddress, $0.count) }
        return checksum == frame.checksum ? frame : nil
    }

    private mutating func take(_ frame: trace_frame) {
        trace.lostFrames += Int(frame.sequence &- (sequence ?? 0))
        sequence = frame.sequence &+ 1
        if let record = TraceRecord(frame.record) {
            trace.append(record)
        } else {
            trace.unknownRecords += 1
        }
    }
}
