import FrostHost
package import FrostMeasure
import FrostSupport

/// The benchmark as a picture: a bar for each row, and in each group a line where the limit is.
///
/// - Shape: one self-contained SVG, 760 wide, no script, no font of its own. Its colours follow the reader's scheme,
///   light or dark.
package struct CipherChart: Sendable {
    private static let left = 210.0
    private static let right = 660.0
    private static let rowHeight = 22.0
    private static let titles: [CipherBenchmark.Group: String] = [
        .seal: "Sealing a page in the cache",
        .open: "Opening a page in the cache",
        .swap: "A page out to DRAM, another one in",
        .fault: "A page fault served in user space, no cipher",
        .missClean: "A miss by the pager, the victim clean",
        .missDirty: "A miss by the pager, the victim dirty",
        .missMetadata: "A miss of a page and its metadata page, victims clean",
        .missBlank: "A miss of blank pages: eight are opened",
    ]

    /// The text of the SVG.
    package let svg: String

    package init(_ benchmark: CipherBenchmark) {
        var body: [String] = []
        var y = 52.0
        for group in CipherBenchmark.Group.allCases {
            let rows = benchmark.rows.filter { $0.group == group && $0.deciding != nil }
            guard !rows.isEmpty else { continue }
            body += Self.section(group, rows, from: &y)
        }
        svg = ([Self.head(benchmark, height: y + 4)] + body + ["</svg>\n"]).joined(separator: "\n")
    }

    private static func head(_ benchmark: CipherBenchmark, height: Double) -> String {
        """
        <svg class="cipher-chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 \(number(height))" role="img" \
        font-family="system-ui, sans-serif" font-size="12">
        <title>Page cipher on \(Markup.escaped(benchmark.cpu.model))</title>
        <style>
        .cipher-chart .paper { fill: #ffffff } .cipher-chart text { fill: #1f2328 }
        .cipher-chart .quiet { fill: #59636e } .cipher-chart .bar { fill: #2f6fb5 }
        .cipher-chart .floor { fill: #a8b1bb } .cipher-chart .mark { fill: #c2410c }
        .cipher-chart .limit { stroke: #c2410c; stroke-width: 1.5 }
        @media (prefers-color-scheme: dark) {
        .cipher-chart .paper { fill: #0d1117 } .cipher-chart text { fill: #e6edf3 }
        .cipher-chart .quiet { fill: #9198a1 } .cipher-chart .bar { fill: #58a6ff }
        .cipher-chart .floor { fill: #57606a } .cipher-chart .mark { fill: #ff9d5c }
        .cipher-chart .limit { stroke: #ff9d5c }
        }
        </style>
        <rect class="paper" width="760" height="\(number(height))"/>
        <text x="16" y="24" font-size="15" font-weight="600">AES-256-GCM, 4 KiB pages: nanoseconds, less is better</text>
        <text x="16" y="42" class="quiet">\(Markup.escaped(benchmark.cpu.model)), \(benchmark.rounds.of("round")) in turn</text>
        """
    }

    private static func section(
        _ group: CipherBenchmark.Group, _ rows: [CipherBenchmark.Row], from y: inout Double
    ) -> [String] {
        let longest = rows.compactMap(\.deciding).max() ?? 1
        let scale = (right - left) / longest
        let statistic = group.decides == \.minimum ? "minimum" : "lower quartile"
        var lines = [
            "<text x=\"16\" y=\"\(number(y + 20))\" font-weight=\"600\">\(titles[group] ?? "")"
                + "<tspan class=\"quiet\" font-weight=\"400\" dx=\"6\">(\(statistic))</tspan></text>"
        ]
        let top = y + 30
        y = top
        for row in rows {
            lines += bar(row, at: y, scale: scale)
            y += rowHeight
        }
        if let limit = rows.filter(\.isFloor).compactMap(\.deciding).min() {
            let x = number(left + limit * scale)
            lines += [
                "<line class=\"limit\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(number(top))\" y2=\"\(number(y + 2))\"/>",
                "<text class=\"mark\" x=\"\(x)\" y=\"\(number(y + 13))\" text-anchor=\"middle\">limit</text>",
            ]
        }
        y += 22
        return lines
    }

    private static func bar(_ row: CipherBenchmark.Row, at y: Double, scale: Double) -> [String] {
        let time = row.deciding ?? 0
        let end = left + time * scale
        let ratio = row.overLimit.map { row.isFloor ? "" : "×\($0.formatted(places: 2))" } ?? ""
        let middle = number(y + 14)
        return [
            "<text x=\"\(number(left - 8))\" y=\"\(middle)\" text-anchor=\"end\""
                + "\(row.isFloor ? " class=\"quiet\"" : "")>\(Markup.escaped(row.name))</text>",
            "<rect class=\"\(row.isFloor ? "floor" : "bar")\" x=\"\(number(left))\" y=\"\(number(y + 3))\" "
                + "width=\"\(number(time * scale))\" height=\"\(number(rowHeight - 7))\" rx=\"2\"/>",
            "<text x=\"\(number(end + 6))\" y=\"\(middle)\">\(time.formatted(places: 0))"
                + "<tspan class=\"quiet\" dx=\"6\">\(ratio)</tspan></text>",
        ]
    }

    private static func number(_ value: Double) -> String { value.formatted(places: 1) }
}
