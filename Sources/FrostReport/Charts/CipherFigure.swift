import FrostMeasure
import FrostSupport

/// The cipher's benchmark with its chart, which has colours of its own.
struct CipherFigure {
    let benchmark: CipherBenchmark

    init(_ benchmark: CipherBenchmark) {
        self.benchmark = benchmark
    }

    var html: HTML {
        let rows = benchmark.rows.map { row -> [String] in
            let times = row.nanoseconds.map {
                [$0.minimum, $0.lowerQuartile, $0.median].map { $0.formatted(places: 0) }
            }
            return [row.name, row.group.rawValue] + (times ?? ["not measured", row.skipped ?? "", ""])
                + [row.overLimit.map { $0.formatted(places: 2) } ?? ""]
        }
        let table = DataTable(
            "Nanoseconds for a page, or for a swap",
            ["cipher", "group", "minimum", "quartile", "median", "times the limit"],
            rows, textColumns: 2)
        return """
            <figure class="wide"><figcaption><h4>Against its limit and its peers</h4>\
            <p>As frost bench measured it. Grey: what no cipher can beat; ratios carry over to other machines, times do \
            not.</p></figcaption>
            <div class="drawing">\(HTML(trusted: CipherChart(benchmark).svg))</div>
            <details class="data"><summary>The numbers of “Against its limit and its peers”</summary>\(table.html)</details></figure>
            """
    }
}
