import FrostCore

/// A trace in numbers.
///
/// - Units: cycles of the time-stamp counter.
public struct TraceSummary: Codable, Sendable, Equatable {
    public struct Count: Codable, Sendable, Equatable {
        public var events: UInt64
        /// Of all events together; 0 where none is meant.
        public var cycles: UInt64
    }

    /// By name of ``TraceFact``.
    public var facts: [String: UInt64]
    /// Exact, by name of ``TraceCounter``; empty when the trace has no end record.
    public var counts: [String: Count]
    /// Of the sampled records, by name of ``Timing``.
    public var cycles: [String: Percentiles]
    /// One exit in so many was sampled.
    public var sampledOneIn: UInt64
    public var freezeCycles: UInt64?
    public var records: Int
    public var lostFrames: Int
    public var noiseBytes: Int
    public var partialBytes: Int
    public var unknownRecords: Int
    public var hasLaunched: Bool
    /// nil: the trace has no end record.
    public var ending: RunEnding.Kind?
    public var end: String

    /// What is timed apart from the rest.
    public enum Timing: String, CaseIterable, Sendable {
        case miss
        case softMiss
        case openBlank
        case openImaged
        case openSealed
        case metadataOpen
        case seal
        case metadataSeal
        case exit

        init?(_ record: TraceRecord) {
            switch (record.kind, record.level) {
            case (.miss, _): self = record.detail & MISS_SOFT.rawValue != 0 ? .softMiss : .miss
            case (.open, 1...): self = .metadataOpen
            case (.open, _):
                switch record.detail {
                case PAGE_BLANK.rawValue: self = .openBlank
                case PAGE_IMAGED.rawValue: self = .openImaged
                default: self = .openSealed
                }
            case (.seal, let level): self = level == 0 ? .seal : .metadataSeal
            case (.exit, _): self = .exit
            default: return nil
            }
        }
    }

    public init(_ trace: Trace) {
        let known = TraceFact.allCases.compactMap { fact in trace.fact(fact).map { (fact.rawValue, $0) } }
        facts = Dictionary(uniqueKeysWithValues: known)
        let counted = trace.records.filter { $0.kind == .count }.compactMap { record in
            TraceCounter(rawValue: record.detail).map {
                ($0.name, Count(events: record.value, cycles: record.cycles))
            }
        }
        counts = Dictionary(counted, uniquingKeysWith: { $1 })

        var samples: [Timing: [UInt64]] = [:]
        for record in trace.records {
            if let timing = Timing(record) { samples[timing, default: []].append(record.cycles) }
        }
        cycles = Dictionary(
            uniqueKeysWithValues: samples.compactMap { timing, cycles in
                Percentiles(cycles).map { (timing.rawValue, $0) }
            })
        sampledOneIn = trace.fact(.traceEvery) ?? 0
        freezeCycles = trace.records.first { $0.kind == .freeze }?.cycles
        records = trace.records.count
        lostFrames = trace.lostFrames
        noiseBytes = trace.noiseBytes
        partialBytes = trace.partialBytes
        unknownRecords = trace.unknownRecords
        hasLaunched = trace.hasLaunched
        ending = trace.ending?.kind
        end =
            trace.ending?.description
            ?? "no end record: the machine stopped or was killed, so there are no counts"
    }
}
