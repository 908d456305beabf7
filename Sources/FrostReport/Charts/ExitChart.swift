import FrostFormat
import FrostMachine
import FrostMeasure
import FrostSupport

/// Exits by kind: how many, and what they took.
struct ExitChart {
    private static let left = 118.0
    private static let middle = 285.0
    private static let width = 118.0
    private static let rowHeight = 24.0

    let figure: Figure

    /// nil when the trace has no counts.
    init?(_ summary: TraceSummary, identifier: String) {
        let kinds = TraceCounter.allCases.filter { $0.role == .exit && (summary.count($0)?.events ?? 0) > 0 }
            .sorted { (summary.count($0)?.events ?? 0) > (summary.count($1)?.events ?? 0) }
        guard !kinds.isEmpty else { return nil }
        let most = Double(kinds.compactMap { summary.count($0)?.events }.max() ?? 1)
        let longest = max(1, Double(kinds.compactMap { summary.count($0)?.ticks }.max() ?? 1))
        var parts = [
            Pen.text(Self.left, 14, "times", "small"),
            Pen.text(
                Self.middle, 14, "\(summary.clock.unit.rawValue); share of the run", "small"),
        ]
        for (row, kind) in kinds.enumerated() {
            guard let count = summary.count(kind) else { continue }
            let y = 20 + Double(row) * Self.rowHeight
            parts.append(Pen.text(Self.left - 8, y + 14, kind.title, "label", anchor: "end"))
            parts += Self.bar(Self.left, y, Double(count.events) / most, count.events.grouped, "orange")
            let share = summary.share(of: kind).map { ", \($0.percent)" } ?? ""
            parts += Self.bar(
                Self.middle, y, Double(count.ticks) / longest, Double(count.ticks).scaled() + share, "violet")
        }
        let shares = summary.span?.shares
        let words = shares.map {
            "The hypervisor took \($0.hypervisor.percent) of the run, the cipher \($0.cipher.percent)."
        }
        figure = Figure(
            identifier: identifier, title: "Why the guest stood still", note: "Exact. \(words ?? "")",
            description: kinds.prefix(4).compactMap { kind in
                summary.count(kind).map { "\(kind.title): \($0.events.groupedOf("time"))" }
            }.joined(separator: "; ") + ". " + (words ?? ""),
            drawing: HTML(parts), height: 24 + Double(kinds.count) * Self.rowHeight,
            table: Self.table(summary))
    }

    private static func bar(_ x: Double, _ y: Double, _ part: Double, _ label: String, _ colour: String)
        -> [HTML]
    {
        // The label stands behind the bar, or on the paper right of it: bars leave room.
        let length = max(1, part * (width - 50))
        return [
            "<rect class=\"bar \(colour)\" x=\"\(x)\" y=\"\(y + 4)\" width=\"\(length)\" height=\"13\" rx=\"2\"/>",
            Pen.text(x + length + 5, y + 14.5, label, "small"),
        ]
    }

    /// Of all that is counted.
    private static func table(_ summary: TraceSummary) -> DataTable {
        let rows = TraceCounter.allCases.compactMap { kind -> [String]? in
            guard let count = summary.count(kind), count.events > 0 else { return nil }
            let isTimed = kind.role != .note
            return [
                kind.title, count.events.grouped, isTimed ? count.ticks.grouped : "",
                isTimed ? summary.share(of: kind)?.percent ?? "" : "",
                isTimed ? (count.ticks / count.events).grouped : "",
            ]
        }
        return DataTable(
            "All that was counted; time in \(summary.clock.unit.rawValue)",
            ["what", "times", "time in all", "of the run", "mean"], rows)
    }
}
