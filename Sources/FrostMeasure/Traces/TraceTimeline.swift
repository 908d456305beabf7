import FrostFormat
import FrostSupport

/// How a run went, in bins of equal length from the guest's first instruction to the end.
///
/// Made of the sampled exits and scaled to the exact counts: exact where every exit was sampled, else an estimate.
package struct TraceTimeline: Codable, Sendable, Equatable {
    /// Ticks since reset at which the first bin begins.
    package var start: UInt64
    /// Ticks.
    package var binLength: Double
    package var isExact: Bool
    /// Page misses in each bin.
    package var misses: [Double]
    /// All other exits in each bin.
    package var otherExits: [Double]
    /// The part of each bin that the hypervisor took, 0 to 1.
    package var hypervisor: [Double]
    /// Resident pages at the end of each bin, metadata included; nil when the trace has no counts to start from.
    package var resident: [Double]?

    /// nil when no exit was sampled.
    init?(_ trace: Trace, bins: Int) {
        let every = trace.fact(.traceEvery) ?? 0
        guard every > 0, bins > 0, let range = trace.guestTicks else { return nil }
        start = range.lowerBound
        binLength = Double(range.upperBound - range.lowerBound) / Double(bins)
        isExact = every == 1 && trace.lostFrames == 0

        var events: [TraceCounter: [Double]] = [:]
        var ticks = [Double](repeating: 0, count: bins)
        for record in trace.records where record.tsc >= start {
            guard let counter = TraceCounter(record) else { continue }
            let bin = min(bins - 1, Int(saturating: Double(record.tsc - start) / binLength))
            events[counter, default: [Double](repeating: 0, count: bins)][bin] += 1
            guard counter.role == .exit else { continue }
            ticks[bin] += Double(record.cycles)
        }
        guard !events.isEmpty else { return nil }

        for (counter, sampled) in events where !isExact {
            let total = sampled.reduce(0, +)
            let scale = trace.count(counter).map { Double($0) / total } ?? Double(every)
            events[counter] = sampled.map { $0 * scale }
        }
        let none = [Double](repeating: 0, count: bins)
        misses = events[.miss] ?? none
        let others = events.filter { $0.key.role == .exit && $0.key != .miss }.values
        otherExits = others.reduce(none) { zip($0, $1).map(+) }
        let length = binLength, scale = isExact ? 1 : Double(every)
        hypervisor = ticks.map { min(1, $0 * scale / length) }
        resident = Self.resident(events, trace)
    }

    /// Backwards from what the counts say of the end.
    private static func resident(_ events: [TraceCounter: [Double]], _ trace: Trace) -> [Double]? {
        let changing = TraceCounter.allCases.filter { $0.residentChange != 0 }
        let counted = changing.compactMap { counter in
            trace.count(counter).map { Double($0) * Double(counter.residentChange) }
        }
        guard counted.count == changing.count else { return nil }
        let slots = trace.fact(.slots).map { Double($0) } ?? .infinity
        var pages = counted.reduce(0, +)
        var resident: [Double] = []
        for bin in (events.values.first ?? []).indices.reversed() {
            resident.append(min(slots, max(0, pages)))
            for counter in changing {
                pages -= (events[counter]?[bin] ?? 0) * Double(counter.residentChange)
            }
        }
        return resident.reversed()
    }
}

/// Numbers as a row of bars, one character each.
enum Sparkline {
    private static let bars = Array("▁▂▃▄▅▆▇█")

    /// - Parameter top: what the highest bar means
    static func text(_ values: [Double], top: Double) -> String {
        String(
            values.map { value in
                guard value > 0, top > 0 else { return " " }
                let height = Int(saturating: value / top * Double(bars.count))
                return bars[min(bars.count - 1, height)]
            })
    }
}
