import Foundation
import FrostFormat
package import FrostMachine
import FrostSupport

/// Two runs side by side.
///
/// - Units: times are ticks of each run's own clock.
package struct TraceComparison: Codable, Sendable, Equatable {
    /// What was not the same from the start.
    package struct Difference: Codable, Sendable, Equatable {
        package var name: String
        package var first: String
        package var second: String
    }

    package struct Pair: Codable, Sendable, Equatable {
        package var first: UInt64
        package var second: UInt64

        /// Of the second to the first; nil when the first is zero.
        package var ratio: Double? { first == 0 ? nil : Double(second) / Double(first) }

        /// How far from equal, either way: 0 is equal. One event more or less is not held against rare kinds.
        fileprivate var distance: Double { abs(log((Double(second) + 1) / (Double(first) + 1))) }
    }

    package struct Row: Codable, Sendable, Equatable {
        /// A ``TraceCounter``, or `run`: from the guest's first instruction to the end.
        package var kind: String
        package var events: Pair?
        /// The following are nil where nothing was timed, or where the clocks count different things.
        package var ticks: Pair?
        package var p50: Pair?
        package var p90: Pair?
        package var p99: Pair?
        package var max: Pair?

        /// By what it is sorted: the largest change of number, total and median. Maxima are luck.
        fileprivate var change: Double { [events, ticks, p50].compactMap { $0?.distance }.max() ?? 0 }
    }

    package var first: String
    package var second: String
    package var differences: [Difference]
    /// What changed most first.
    package var rows: [Row]
    /// Both clocks count the same.
    package var hasSameUnit: Bool
    package var firstClock: RunClock
    package var secondClock: RunClock

    package init(_ first: RecordedRun, _ second: RecordedRun) {
        (self.first, self.second) = (first.folder.folder.plainPath, second.folder.folder.plainPath)
        (firstClock, secondClock) = (first.clock, second.clock)
        let summaries = (first.summary(), second.summary())
        let isSameUnit = firstClock.unit == secondClock.unit
        hasSameUnit = isSameUnit
        differences = Self.differences(first, second, summaries)
        let run = Row(
            kind: "run",
            ticks: isSameUnit ? Self.pair(summaries, { $0.span?.ticks }) : nil)
        let kinds = TraceCounter.allCases.compactMap { Self.row($0, summaries, isSameUnit: isSameUnit) }
        rows = (isSameUnit ? [run] : []) + kinds.sorted { $0.change > $1.change }
    }

    private static func pair(
        _ summaries: (TraceSummary, TraceSummary), _ value: (TraceSummary) -> UInt64?
    ) -> Pair? {
        guard let first = value(summaries.0), let second = value(summaries.1) else { return nil }
        return Pair(first: first, second: second)
    }

    /// nil for what happened in neither.
    private static func row(
        _ counter: TraceCounter, _ summaries: (TraceSummary, TraceSummary), isSameUnit: Bool
    ) -> Row? {
        let events = pair(summaries) { $0.count(counter)?.events }
        let isTimed = isSameUnit && counter.role != .note
        func timing(_ value: (Percentiles) -> UInt64) -> Pair? {
            isTimed ? pair(summaries) { $0.timing(counter).map(value) } : nil
        }
        let row = Row(
            kind: counter.name, events: events,
            ticks: isTimed ? pair(summaries) { $0.count(counter)?.ticks } : nil,
            p50: timing(\.p50), p90: timing(\.p90), p99: timing(\.p99), max: timing(\.max))
        let isNothing = events.map { $0.first == 0 && $0.second == 0 } ?? (row.p50 == nil)
        return isNothing ? nil : row
    }

    private static func differences(
        _ first: RecordedRun, _ second: RecordedRun, _ summaries: (TraceSummary, TraceSummary)
    ) -> [Difference] {
        var found: [Difference] = []
        func compare(_ name: String, _ one: String?, _ other: String?) {
            guard one != other else { return }
            found.append(Difference(name: name, first: one ?? "unknown", second: other ?? "unknown"))
        }
        compare("image", first.report?.image.path, second.report?.image.path)
        compare("platform", first.report?.platform.rawValue, second.report?.platform.rawValue)
        compare("freeze", first.report?.image.freeze?.rawValue, second.report?.image.freeze?.rawValue)
        for fact in TraceFact.allCases {
            let values = [summaries.0, summaries.1].map { $0.facts[fact.rawValue].map(fact.text(of:)) }
            compare(fact.rawValue, values[0], values[1])
        }
        compare("ending", summaries.0.end, summaries.1.end)
        compare("unit of time", first.clock.unit.rawValue, second.clock.unit.rawValue)
        return found
    }
}

extension TraceComparison: CustomStringConvertible {
    package var description: String {
        var sections = ["first   \(first)\nsecond  \(second)"]
        let rows = differences.map { [$0.name, $0.first, $0.second] }
        sections.append(
            rows.isEmpty
                ? "Nothing in their configuration or ending differs."
                : "What is not the same:\n" + TextTable(["", "first", "second"], rows).description)
        sections.append(countText)
        sections.append(timeText)
        return sections.joined(separator: "\n\n")
    }

    private static func ratio(_ pair: Pair) -> String {
        pair.ratio.map { "x\($0.formatted(places: 2))" } ?? (pair.second == 0 ? "" : "new")
    }

    private var countText: String {
        let counted = rows.sorted { $0.events?.distance ?? 0 > $1.events?.distance ?? 0 }
        let cells = counted.compactMap { row in
            row.events.map { [row.kind, "\($0.first)", "\($0.second)", Self.ratio($0)] }
        }
        guard !cells.isEmpty else { return "One of the two has no counts: its trace has no end record." }
        return "How often, exactly; what changed most first:\n"
            + TextTable(["event", "first", "second", "second/first"], cells).description
    }

    private var timeText: String {
        guard hasSameUnit else {
            return """
                Times are not compared: the first run counts \(firstClock.unit.rawValue), the second \
                \(secondClock.unit.rawValue).
                """
        }
        func cells(_ pair: Pair?) -> [String] {
            pair.map {
                [Double($0.first).scaled(), Double($0.second).scaled(), Self.ratio($0)]
            } ?? ["", "", ""]
        }
        let timed = rows.filter { $0.ticks != nil || $0.p50 != nil }
        return
            "How long, in \(firstClock.unit.rawValue): totals are exact, the others of the sampled exits:\n"
            + TextTable(
                ["kind", "total", "total", "ratio", "p50", "p50", "ratio", "p99", "p99", "ratio"],
                timed.map { [$0.kind] + cells($0.ticks) + cells($0.p50) + cells($0.p99) }
            ).description
    }
}
