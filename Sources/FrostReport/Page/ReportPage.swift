import Foundation
import FrostFormat
import FrostMachine
import FrostMeasure
import FrostProof
import FrostSupport

/// The whole page.
struct ReportPage {
    let runs: [ReportedRun]
    let gaps: [ReportFolders.Gap]
    let options: ReportOptions

    /// More are shown folded.
    private static let openRuns = 4

    var html: HTML {
        let isShort = runs.count <= Self.openRuns
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
            <title>Frostvisor: \(title)</title>
            <style>\(HTML(trusted: ReportStyle.sheet))</style>
            </head>
            <body>
            <a class="skip" href="#runs">To the runs</a>
            <header><h1>Frostvisor <span>\(title)</span></h1>
            <p class="quiet">\(made)</p>
            \(tiles)
            </header>
            <main>
            \(summary)
            \(comparison)
            \(benchmark)
            <section aria-labelledby="runs"><h2 id="runs">Runs</h2>
            \(runs.map { RunSection(run: $0, isOpen: isShort).html })
            </section>
            \(ReportPage.words)
            </main>
            </body>
            </html>

            """
    }

    private var title: String { runs.count == 1 ? "one run" : runs.count.groupedOf("run") }

    private var made: String {
        "Made \(options.date.formatted(.iso8601.year().month().day().dateSeparator(.dash))) by frost report."
    }

    // MARK: head

    private var tiles: HTML {
        let answers = runs.compactMap { $0.verdict?.answer }
        let asAsked = runs.count(where: \.isAsAsked)
        var tiles: [(String, Int, String)] = [
            (runs.count == 1 ? "run" : "runs", runs.count, ""),
            ("ended as asked", asAsked, asAsked == runs.count ? "good" : ""),
        ]
        if asAsked < runs.count { tiles.append(("ended otherwise", runs.count - asAsked, "bad")) }
        for (answer, words, style) in [
            (CacheVerdict.Answer.proven, "proven", "good"), (.leaked, "leaked", "bad"),
            (.notProvable, "not provable", "unsure"),
        ] {
            let count = answers.count { $0 == answer }
            if count > 0 { tiles.append((words, count, style)) }
        }
        if !gaps.isEmpty {
            tiles.append(
                (gaps.count == 1 ? "cell without a run" : "cells without a run", gaps.count, "unsure"))
        }
        let items = tiles.map { words, count, style -> HTML in
            "<li class=\"\(style)\"><b>\(count.grouped)</b> \(words)</li>"
        }
        return "<ul class=\"tiles\">\(items)</ul>"
    }

    private var summary: HTML {
        let most = Double(runs.compactMap(\.misses).max() ?? 0)
        let head = [
            "run", "workload", "platform", "engine", "freeze", "policy", "ending", "region", "misses",
            "hypervisor",
            "cipher", "CPU s",
        ]
        let rows = runs.map { row($0, most: most) }
        let open = gaps.map { gap -> HTML in "<li><b>\(gap.name)</b>: \(gap.reason)</li>" }
        let missing: HTML =
            gaps.isEmpty
            ? ""
            : "<details><summary>\(gaps.count.groupedOf("cell")) without a run</summary><ul>\(open)</ul></details>"
        return """
            <section aria-labelledby="all"><h2 id="all">All runs</h2>
            <p class="quiet">Trouble first. Shares are of the run's time, from the guest's first instruction to the end.</p>
            \(DataTable("All runs", head, markup: rows, textColumns: 7).html)
            \(missing)</section>
            """
    }

    private func row(_ run: ReportedRun, most: Double) -> [HTML] {
        let shares = run.summary?.span?.shares
        let misses: HTML =
            run.misses.map { count in
                let part = most > 0 ? Double(count) / most * 100 : 0
                return "<span class=\"databar\" style=\"--part:\(part)%\">\(count.grouped)</span>"
            } ?? "?"
        return [
            "<a href=\"#run-\(run.number)\">\(run.name)</a>", "\(run.workload)",
            "\(run.report.platform.rawValue)",
            "\(run.engine)", "\(run.report.image.freeze?.rawValue ?? "?")",
            "\(run.report.image.policy?.rawValue ?? "?")",
            RunSection.badges(run), "\(ByteCount(run.report.image.frozenBytes).rounded)", misses,
            "\(shares?.hypervisor.percent ?? "?")", "\(shares?.cipher.percent ?? "?")",
            "\(run.report.userSeconds.formatted(places: 1))",
        ]
    }

    // MARK: across runs

    /// For each workload that ran in regions of two sizes: its misses, and the optimum where a replay tells it.
    private var comparison: HTML {
        let workloads = Set(runs.map(\.workload)).sorted {
            $0.localizedStandardCompare($1) == .orderedAscending
        }
        let figures = workloads.enumerated().compactMap { index, workload -> HTML? in
            let own = runs.filter { $0.workload == workload }
            let chart = MissCurveChart(
                Self.lines(own), title: "Misses against region size: \(workload)",
                note:
                    "Each dot is a run; runs of one configuration and size are averaged. Both axes are logarithmic.",
                identifier: "sizes-\(index + 1)")
            return chart?.figure.html
        }
        guard !figures.isEmpty else { return "" }
        return """
            <section aria-labelledby="sizes"><h2 id="sizes">Region size</h2><div class="figures">
            \(figures)
            </div></section>
            """
    }

    private static func lines(_ runs: [ReportedRun]) -> [MissCurveChart.Series] {
        let optimum = runs.lazy.compactMap(\.replay).first.map { replay in
            MissCurveChart.Series(
                name: "the optimum (Belady), replayed",
                points: replay.points.compactMap { point in
                    point.misses[ReplayPolicy.optimum.rawValue].map {
                        (Double(point.regionBytes), Double($0))
                    }
                }.sorted { $0.0 < $1.0 }, isLimit: true)
        }
        let byConfiguration = Dictionary(grouping: runs) { run in
            let alike = runs.filter {
                $0.configuration == run.configuration
                    && $0.report.image.frozenBytes == run.report.image.frozenBytes
            }.compactMap(\.report.slots)
            guard let slots = run.report.slots, let most = alike.max(), slots < most else {
                return run.configuration
            }
            // The image was made with fewer slots than its region holds.
            return "\(run.configuration), \(slots.groupedOf("slot"))"
        }
        let measured = byConfiguration.sorted { $0.key < $1.key }.map { name, runs in
            let bySize = Dictionary(grouping: runs, by: \.report.image.frozenBytes).sorted { $0.key < $1.key }
            let points = bySize.compactMap { size, runs -> (Double, Double)? in
                let misses = runs.compactMap(\.misses)
                return misses.isEmpty
                    ? nil : (Double(size), Double(misses.reduce(0, +)) / Double(misses.count))
            }
            return MissCurveChart.Series(name: name, points: points, isMeasured: true)
        }
        return measured.count { $0.points.count > 1 } == 0 ? [] : measured + [optimum].compactMap(\.self)
    }

    private var benchmark: HTML {
        guard let benchmark = options.benchmark else { return "" }
        return """
            <section aria-labelledby="cipher"><h2 id="cipher">The page cipher</h2>
            \(CipherFigure(benchmark).html)</section>
            """
    }

    private static let words: HTML = """
        <section aria-labelledby="words"><h2 id="words">Words</h2><dl class="words">
        <div><dt>page miss</dt><dd>The guest touched a page that was not in the clear: it was opened into a slot of the \
        frozen region.</dd></div>
        <div><dt>open, seal</dt><dd>Decrypt and check a page into a slot; encrypt it back to its home in DRAM.</dd></div>
        <div><dt>blank</dt><dd>A page that is touched for the first time: erased, not decrypted.</dd></div>
        <div><dt>proven, leaked</dt><dd>What the model of the CPU's cache says of plaintext and keys in DRAM.</dd></div>
        <div><dt>cycles, instructions</dt><dd>What the run's time-stamp counter counts. An emulator's cycles are its \
        host's.</dd></div>
        </dl></section>
        """
}
