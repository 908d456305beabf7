import FrostCore
package import FrostFormat
package import FrostMachine
package import FrostSupport

/// A trace in numbers.
///
/// - Units: ticks of ``clock``.
package struct TraceSummary: Codable, Sendable, Equatable {
    package struct Count: Codable, Sendable, Equatable {
        package var events: UInt64
        /// Of all events together; 0 where none is meant.
        package var ticks: UInt64
    }

    /// From the guest's first instruction to the trace's last record.
    package struct Span: Codable, Sendable, Equatable {
        package var start: UInt64
        package var ticks: UInt64
        /// nil: the clock's rate is unknown.
        package var seconds: Double?
        /// Parts of `ticks`; nil when the trace has no counts.
        package var shares: Shares?
    }

    /// Parts of one. What is left is the guest's own, the switches to it and back, and the sending of the trace.
    package struct Shares: Codable, Sendable, Equatable {
        /// Serving exits, pages included.
        package var hypervisor: Double
        /// Of that, opening and sealing.
        package var cipher: Double
        /// Of that, erasing frames for pages that are touched for the first time.
        package var blanking: Double
    }

    package var clock: RunClock
    /// By name of ``TraceFact``.
    package var facts: [String: UInt64]
    /// nil: the guest was not started.
    package var span: Span?
    /// Exact, by name of ``TraceCounter``; empty when the trace has no end record.
    package var counts: [String: Count]
    /// Of the sampled records, by name of ``TraceCounter``.
    package var timings: [String: Percentiles]
    /// One exit in this many was sampled; 0: none.
    package var sampledOneIn: UInt64
    /// nil when no exit was sampled.
    package var timeline: TraceTimeline?
    package var freezeTicks: UInt64?
    package var records: Int
    package var lostFrames: Int
    package var noiseBytes: Int
    package var partialBytes: Int
    package var unknownRecords: Int
    package var hasLaunched: Bool
    /// nil: the trace has no end record.
    package var ending: RunEnding.Kind?
    package var end: String

    /// - Parameter bins: of the timeline
    package init(_ trace: Trace, clock: RunClock = .unknown, bins: Int = 60) {
        self.clock = clock
        let known = TraceFact.allCases.compactMap { fact in trace.fact(fact).map { (fact.rawValue, $0) } }
        facts = Dictionary(uniqueKeysWithValues: known)
        counts = Self.counts(trace)
        span = Self.span(trace, clock: clock, counts: counts)

        var samples: [TraceCounter: [UInt64]] = [:]
        for record in trace.records {
            guard let counter = TraceCounter(record), counter.role != .note else { continue }
            samples[counter, default: []].append(record.cycles)
        }
        timings = Dictionary(
            uniqueKeysWithValues: samples.compactMap { counter, ticks in
                Percentiles(ticks).map { (counter.name, $0) }
            })
        sampledOneIn = trace.fact(.traceEvery) ?? 0
        timeline = TraceTimeline(trace, bins: bins)
        freezeTicks = trace.records.first { $0.kind == .freeze }?.cycles
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

    private static func counts(_ trace: Trace) -> [String: Count] {
        let counted = trace.records.filter { $0.kind == .count }.compactMap { record in
            TraceCounter(rawValue: record.detail).map {
                ($0.name, Count(events: record.value, ticks: record.cycles))
            }
        }
        return Dictionary(counted, uniquingKeysWith: { $1 })
    }

    private static func span(_ trace: Trace, clock: RunClock, counts: [String: Count]) -> Span? {
        guard let range = trace.guestTicks else { return nil }
        let ticks = range.upperBound - range.lowerBound
        var span = Span(start: range.lowerBound, ticks: ticks, seconds: clock.seconds(ticks))
        guard !counts.isEmpty else { return span }
        func share(_ isPart: (TraceCounter) -> Bool) -> Double {
            let parts = TraceCounter.allCases.filter(isPart).compactMap { counts[$0.name]?.ticks }
            return parts.reduce(0) { $0 + Double($1) } / Double(ticks)
        }
        // Sums of pages begin before the guest; records tell the two apart, if none is missing.
        func shareOfPages(_ isPart: (TraceCounter) -> Bool) -> Double {
            guard trace.fact(.traceEvery) == 1, trace.lostFrames == 0 else { return share(isPart) }
            let parts = trace.records.filter {
                $0.tsc >= range.lowerBound && TraceCounter($0).map(isPart) == true
            }
            return parts.reduce(0) { $0 + Double($1.cycles) } / Double(ticks)
        }
        span.shares = Shares(
            hypervisor: share { $0.role == .exit }, cipher: shareOfPages(\.isCipher),
            blanking: shareOfPages { $0 == .openBlank || $0 == .metadataBlank })
        return span
    }

    package func count(_ counter: TraceCounter) -> Count? { counts[counter.name] }
    package func timing(_ counter: TraceCounter) -> Percentiles? { timings[counter.name] }

    /// Of the run's time; nil when that is not known.
    package func share(of counter: TraceCounter) -> Double? {
        guard let span, let count = count(counter) else { return nil }
        return Double(count.ticks) / Double(span.ticks)
    }
}

extension RecordedRun {
    package func summary(bins: Int = 60) -> TraceSummary { TraceSummary(trace, clock: clock, bins: bins) }
}
