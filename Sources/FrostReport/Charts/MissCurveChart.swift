import Foundation
import FrostMeasure
import FrostSupport

/// Misses against the size of the frozen region, both logarithmic: a line for each policy or configuration.
struct MissCurveChart {
    struct Series {
        var name: String
        /// Sorted by size. Bytes, misses.
        var points: [(bytes: Double, misses: Double)]
        /// No policy on demand has fewer.
        var isLimit = false
        /// Measured runs, not a replay.
        var isMeasured = false
    }

    private static let left = 60.0
    private static let right = 462.0
    private static let height = 210.0
    private static let colours = ["blue", "orange", "teal", "violet", "pink", "olive"]

    let figure: Figure

    /// nil without two sizes to compare.
    init?(_ series: [Series], title: String, note: HTML, identifier: String) {
        let series = series.filter { !$0.points.isEmpty }
        let bytes = series.flatMap { $0.points.map(\.bytes) }.filter { $0 > 0 }
        let misses = series.flatMap { $0.points.map(\.misses) }
        guard let smallest = bytes.min(), let largest = bytes.max(), smallest < largest,
            let fewest = misses.min(), let most = misses.max()
        else { return nil }
        let lines = Self.merged(series.sorted { ($0.isLimit ? 0 : 1) < ($1.isLimit ? 0 : 1) })
        let shown = Array(lines.prefix(Self.colours.count + 1))
        let top = 14.0, base = top + Self.height
        let x = Axis(
            scale: .logarithmic, low: smallest, high: largest, from: Self.left + 10, to: Self.right - 10)
        let low = max(1, fewest * 0.8)
        let y = Axis(scale: .logarithmic, low: low, high: max(low * 2, most * 1.2), from: base, to: top)

        var parts = Pen.rows(y, left: Self.left, right: Self.right, \.tick)
        parts += Pen.columns(x, ticks: Self.sizes(bytes), y: base) {
            ByteCount(UInt64($0)).rounded.replacing("iB", with: "")
        }
        parts.append(Pen.base(Self.left, Self.right, base))
        var colours = Self.colours.makeIterator()
        var legend: [HTML] = []
        for (row, line) in shown.enumerated() {
            let colour = line.isLimit ? "limit" : colours.next() ?? "blue"
            let at = base + 50 + Double(row) * 16
            parts += Self.draw(line, colour, x, y)
            legend += Self.key(line, colour, at)
        }
        parts.append(Pen.text(Self.right, base + 32, "frozen region, bytes", "small", anchor: "end"))
        let left = lines.count - shown.count
        let words: HTML = left > 0 ? " \(left) more lines stand in the table only." : ""
        figure = Figure(
            identifier: identifier, title: title, note: "\(note)\(words)", description: Self.words(series),
            drawing: HTML(parts + legend), height: base + 44 + Double(shown.count) * 16 + 6,
            table: Self.table(series))
    }

    /// One line for all that would hide each other; the table keeps them apart.
    private static func merged(_ series: [Series]) -> [Series] {
        var lines: [(line: Series, more: Int)] = []
        for line in series {
            let twin = lines.firstIndex {
                !$0.line.isLimit && $0.line.isMeasured == line.isMeasured
                    && $0.line.points.elementsEqual(line.points) { $0 == $1 }
            }
            if let twin { lines[twin].more += 1 } else { lines.append((line, 0)) }
        }
        return lines.map { line, more in
            var line = line
            if more > 0 { line.name += ", and \(more) more" }
            return line
        }
    }

    /// Those that were measured, thinned out.
    private static func sizes(_ bytes: [Double]) -> [Double] {
        let all = Set(bytes).sorted()
        var shown: [Double] = []
        for size in all
        where shown.last.map({ size / $0 >= exp2(log2((all.last ?? 1) / all[0]) / 9) }) ?? true {
            shown.append(size)
        }
        return shown
    }

    private static func draw(_ series: Series, _ colour: String, _ x: Axis, _ y: Axis) -> [HTML] {
        let points = series.points.map { (x.place($0.bytes), y.place($0.misses)) }
        var parts: [HTML] = ["<path class=\"curve \(colour)\" d=\"\(Pen.line(points))\"/>"]
        if !series.isLimit {
            parts += points.map { point in
                series.isMeasured
                    ? "<circle class=\"dot \(colour)\" cx=\"\(point.0)\" cy=\"\(point.1)\" r=\"3.5\"/>"
                    : "<rect class=\"dot \(colour)\" x=\"\(point.0 - 2.5)\" y=\"\(point.1 - 2.5)\" width=\"5\" height=\"5\"/>"
            }
        }
        return parts
    }

    private static func key(_ series: Series, _ colour: String, _ y: Double) -> [HTML] {
        let mark: HTML =
            series.isLimit
            ? ""
            : series.isMeasured
                ? "<circle class=\"dot \(colour)\" cx=\"\(left + 12)\" cy=\"\(y - 4)\" r=\"3.5\"/>"
                : "<rect class=\"dot \(colour)\" x=\"\(left + 9.5)\" y=\"\(y - 6.5)\" width=\"5\" height=\"5\"/>"
        return [
            "<path class=\"curve \(colour)\" d=\"M\(left) \(y - 4)h24\"/>", mark,
            Pen.text(left + 32, y, series.name, "label"),
        ]
    }

    private static func words(_ series: [Series]) -> String {
        series.prefix(colours.count + 1).compactMap { line in
            guard let first = line.points.first, let last = line.points.last else { return nil }
            return
                "\(line.name): \(Int(first.misses).groupedOf("miss", "misses")) at \(ByteCount(UInt64(first.bytes)).rounded), "
                + "\(Int(last.misses).grouped) at \(ByteCount(UInt64(last.bytes)).rounded)"
        }.joined(separator: "; ") + "."
    }

    private static func table(_ series: [Series]) -> DataTable {
        let sizes = Set(series.flatMap { $0.points.map(\.bytes) }).sorted()
        let rows = sizes.map { size in
            [ByteCount(UInt64(size)).rounded]
                + series.map { line in
                    line.points.first { $0.bytes == size }.map { Int($0.misses).grouped } ?? ""
                }
        }
        return DataTable("Page misses", ["frozen region"] + series.map(\.name), rows)
    }
}

extension MissCurveChart {
    /// Of one workload: each policy, the optimum, and the run itself.
    init?(_ replay: ReplayReport, run: Series?, identifier: String) {
        let names = Set(replay.points.flatMap { $0.misses.keys }).sorted()
        let series = names.map { name in
            Series(
                name: name == ReplayPolicy.optimum.rawValue
                    ? "the optimum (Belady): no pager on demand misses less" : "\(name), replayed",
                points: replay.points.compactMap { point in
                    point.misses[name].map { (Double(point.regionBytes), Double($0)) }
                }.sorted { $0.0 < $1.0 },
                isLimit: name == ReplayPolicy.optimum.rawValue)
        }
        let note: HTML = """
            \(replay.touches.groupedOf("touch", "touches")) of \(replay.distinctPages.groupedOf("page")), of “\(replay.workload)” \
            (\(replay.source)), replayed through each policy.
            """
        self.init(
            series + (run.map { [$0] } ?? []), title: "Misses against region size: \(replay.workload)",
            note: note,
            identifier: identifier)
    }
}
