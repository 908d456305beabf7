import FrostCore

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

    package func fact(_ fact: TraceFact) -> UInt64? {
        records.last { $0.kind == .fact && $0.detail == fact.number }?.value
    }

    /// All facts that have been told.
    package var facts: [TraceFact: UInt64] {
        Dictionary(
            uniqueKeysWithValues: TraceFact.allCases.compactMap { kind in fact(kind).map { (kind, $0) } })
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
        case ENDING_SLEEP.rawValue: return .sleep(sleepType: end.value)
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

    /// From the guest's first instruction to the last record; nil when there is nothing between.
    package var guestTicks: Range<UInt64>? {
        guard let launch = records.first(where: { $0.kind == .launch }), let last = records.last,
            last.tsc > launch.tsc
        else { return nil }
        return launch.tsc..<last.tsc
    }
}
