package import Foundation
import FrostCore
package import FrostSupport

/// What the hypervisor said on its serial line, in order.
package struct Trace: Sendable, Equatable {
    package private(set) var records: [TraceRecord] = []
    /// Bytes that belong to no frame.
    package internal(set) var noiseBytes = 0
    /// Numbered, but never seen.
    package internal(set) var lostFrames = 0
    /// Of a newer format.
    package internal(set) var unknownRecords = 0
    /// Left over at the end: less than a frame.
    package internal(set) var partialBytes = 0

    package init() {}

    package init(decoding bytes: [UInt8]) {
        var reader = TraceReader()
        reader.feed(bytes)
        self = reader.trace
    }

    /// Reads `trace.bin`, or the one in a run's folder.
    /// - Throws: ``Failure``
    package init(reading file: URL) throws(Failure) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file.plainPath, isDirectory: &isFolder) else {
            throw .missing(file.plainPath)
        }
        let capture = isFolder.boolValue ? RunFolder(file).trace : file
        guard let data = try? Data(contentsOf: capture) else { throw .missing(capture.plainPath) }
        self.init(decoding: [UInt8](data))
        guard !records.isEmpty else { throw .noRecords(capture.plainPath) }
        if let format = fact(.format), format != UInt64(TRACE_FORMAT) {
            throw .format(capture.plainPath, format)
        }
    }

    package func fact(_ fact: TraceFact) -> UInt64? {
        records.last { $0.kind == .fact && $0.detail == fact.number }?.value
    }

    /// How often something happened, exactly; nil when the trace has no end.
    package func count(_ counter: TraceCounter) -> UInt64? {
        records.last { $0.kind == .count && $0.detail == counter.rawValue }?.value
    }

    /// Whether the guest's first instruction was reached.
    package private(set) var hasLaunched = false
    private var end: TraceRecord?

    mutating func append(_ record: TraceRecord) {
        records.append(record)
        if record.kind == .launch { hasLaunched = true }
        if record.kind == .end { end = record }
    }

    /// What the end record says; nil when there is none.
    package var ending: RunEnding? {
        guard let end else { return nil }
        switch end.detail {
        case ENDING_POWER_OFF.rawValue: return .powerOff(sleepType: end.value)
        case ENDING_RESET.rawValue: return .reset(port: end.value)
        case ENDING_TRIPLE_FAULT.rawValue: return .tripleFault
        case ENDING_PANIC.rawValue: return panic
        default: return nil
        }
    }

    private var panic: RunEnding {
        guard let record = records.last(where: { $0.kind == .panic }) else {
            return .panic(code: nil, value: 0, level: nil)
        }
        return .panic(
            code: PanicCode(number: record.detail), value: record.value,
            level: record.level == .max ? nil : record.level)
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case noRecords(String)
        case format(String, UInt64)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .noRecords, .format: .badInput
            }
        }

        package var description: String {
            switch self {
            case .missing(let path):
                "There is no trace at \(path). Record one with frost run IMAGE --record DIR."
            case .noRecords(let path):
                "\(path) holds no trace record. Give the trace.bin of a run, or the run's folder."
            case .format(let path, let format):
                "\(path) has trace format \(format); this frost knows \(TRACE_FORMAT). Record the run again."
            }
        }
    }
}
