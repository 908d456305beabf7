import FrostFormat
import FrostMachine
import FrostMeasure
import FrostSupport

/// Misses, the hypervisor's share and residents over one run, below one another.
struct TimelineChart {
    private static let left = 60.0
    private static let right = 462.0
    private static let panelHeight = 62.0
    private static let tableRows = 24

    private struct Panel {
        var title: String
        var colour: String
        var values: [Double]
        var top: Double
        var label: (Double) -> String
    }

    let figure: Figure

    /// - Parameter timeline: with ``bins`` bins
    init(_ timeline: TraceTimeline, summary: TraceSummary, identifier: String) {
        let time = Time(timeline, clock: summary.clock)
        let panels = Self.panels(timeline, summary, time)
        let x = Axis(scale: .linear, low: 0, high: time.length, from: Self.left, to: Self.right)
        var parts: [HTML] = []
        var y = 22.0
        for panel in panels {
            parts += Self.draw(panel, x: x, top: y)
            y += Self.panelHeight + 34
        }
        let base = y - 34
        parts += Pen.columns(x, ticks: x.ticks(6), y: base) { $0.formatted(places: time.places(x)) }
        parts.append(
            Pen.text(
                Self.right, base + 32, "\(time.unit) since the guest's first instruction", "small",
                anchor: "end"))
        let accuracy =
            timeline.isExact
            ? "Exact: every exit was recorded."
            : "Estimated from one exit in \(summary.sampledOneIn), scaled to the exact counts."
        figure = Figure(
            identifier: identifier, title: "Over time", note: "\(accuracy)",
            description: Self.words(panels, time), drawing: HTML(parts), height: base + 38,
            table: Self.table(panels, time))
    }

    static let bins = 120

    private static func panels(_ timeline: TraceTimeline, _ summary: TraceSummary, _ time: Time) -> [Panel] {
        let rates = timeline.misses.map { $0 / time.rateUnits }
        var panels = [
            Panel(
                title: "page misses a \(time.rateUnit)", colour: "orange", values: rates,
                top: rates.max() ?? 0,
                label: \.tick),
            Panel(
                title: "time in the hypervisor, %", colour: "violet",
                values: timeline.hypervisor.map { $0 * 100 },
                top: 100, label: { $0.formatted(places: 0) }),
        ]
        if let resident = timeline.resident {
            let slots = summary.facts[TraceFact.slots.rawValue].map { Double($0) }
            panels.append(
                Panel(
                    title: "resident pages" + (slots.map { ", of \(Int($0).grouped) slots" } ?? ""),
                    colour: "teal",
                    values: resident, top: slots ?? resident.max() ?? 0, label: \.tick))
        }
        return panels
    }

    private static func draw(_ panel: Panel, x: Axis, top: Double) -> [HTML] {
        let y = Axis.linear(upTo: panel.top, from: top + panelHeight, to: top, ticks: 2)
        return [Pen.text(left, top - 7, panel.title, "label")]
            + Pen.rows(y, left: left, right: right, ticks: 2, panel.label) + [
                "<path class=\"area \(panel.colour)\" d=\"\(Pen.silhouette(panel.values, x: x, y: y))\"/>",
                Pen.base(left, right, y.from),
            ]
    }

    private static func words(_ panels: [Panel], _ time: Time) -> String {
        let parts = panels.map { panel in
            "\(panel.title): up to \((panel.values.max() ?? 0).scaled()), at the end \((panel.values.last ?? 0).scaled())"
        }
        return parts.joined(separator: "; ")
            + ". The run took \(time.length.formatted(places: 2)) \(time.unit)."
    }

    private static func table(_ panels: [Panel], _ time: Time) -> DataTable {
        let bins = panels[0].values.count, each = max(1, bins / tableRows)
        let rows = stride(from: 0, to: bins, by: each).map { first -> [String] in
            let end = min(first + each, bins)
            let cells = panels.map { panel in
                (panel.values[first..<end].reduce(0, +) / Double(end - first)).formatted(places: 1)
            }
            return [(time.length * Double(end) / Double(bins)).formatted(places: 2)] + cells
        }
        return DataTable("Means over the time up to", ["up to, \(time.unit)"] + panels.map(\.title), rows)
    }

    /// How the run's time is written.
    private struct Time {
        let unit: String
        /// Of the run, in that unit.
        let length: Double
        let rateUnit: String
        /// How many of them in a bin.
        let rateUnits: Double

        init(_ timeline: TraceTimeline, clock: RunClock) {
            let ticks = timeline.binLength * Double(timeline.misses.count)
            if clock.unit == .cycles, let rate = clock.ticksPerSecond {
                let scales = [("seconds", 1.0), ("milliseconds", 1e3), ("microseconds", 1e6)]
                let scale = scales.first { ticks / rate * $0.1 >= 1 } ?? scales[2]
                (unit, length) = (scale.0, ticks / rate * scale.1)
                (rateUnit, rateUnits) = ("second", timeline.binLength / rate)
            } else {
                (unit, length) = ("million \(clock.unit.rawValue)", ticks / 1e6)
                (rateUnit, rateUnits) = (unit, timeline.binLength / 1e6)
            }
        }

        func places(_ axis: Axis) -> Int {
            let ticks = axis.ticks(6)
            let step = ticks.count > 1 ? ticks[1] - ticks[0] : 1
            return step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3
        }
    }
}
