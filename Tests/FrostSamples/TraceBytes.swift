package import FrostCore
package import FrostFormat
import FrostSupport

/// A trace's records and frames, as the hypervisor sends them.
package enum TraceBytes {
    package static func frame(_ sequence: UInt16, _ record: trace_record) -> [UInt8] {
        var frame = trace_frame()
        frame.sync = UInt16(TRACE_SYNC)
        frame.sequence = sequence
        frame.record = record
        let number = withUnsafeBytes(of: frame.sequence) { crc32(0, $0.baseAddress, $0.count) }
        frame.checksum = withUnsafeBytes(of: record) { crc32(number, $0.baseAddress, $0.count) }
        return [UInt8](memoryOf: frame)
    }

    package static func record(
        _ kind: TraceRecord.Kind, detail: UInt32 = 0, value: UInt64 = 0, cycles: UInt64 = 0, level: UInt8 = 0,
        at tsc: UInt64 = 1
    ) -> trace_record {
        trace_record(
            tsc: tsc, value: value, cycles: cycles, detail: detail, reserved: 0, level: level,
            kind: kind.rawValue)
    }

    package static func capture(_ records: [trace_record]) -> [UInt8] {
        records.enumerated().flatMap { frame(UInt16($0.offset), $0.element) }
    }
}
