import FrostFormat
import FrostMachine
import FrostMeasure
import FrostProof
import FrostSupport

/// One run: what it was, what came of it, and its charts.
struct RunSection {
    let run: ReportedRun
    let isOpen: Bool

    var html: HTML {
        """
        <details class="run"\(isOpen ? " open" : "" as HTML)>
        <summary><h3>\(run.name)</h3> \(Self.badges(run))</summary>
        <div class="body" id="run-\(run.number)">
        \(facts)
        \(sentences)
        \(run.verdict.map { VerdictCard(verdict: $0).html } ?? "")
        \(run.summary == nil ? "<p>The hypervisor said nothing: its trace is empty.</p>" : "" as HTML)
        <div class="figures">
        \(run.figures.map(\.html))
        </div>
        \(details)
        </div>
        </details>
        """
    }

    static func badges(_ run: ReportedRun) -> HTML {
        let ending: HTML =
            run.isAsAsked
            ? "<span class=\"badge good\">✓ as asked</span>"
            : "<span class=\"badge bad\">✗ \(run.report.ending.rawValue)</span>"
        guard let verdict = run.verdict else { return ending }
        return "\(ending) \(VerdictCard.badge(verdict.answer))"
    }

    // MARK: facts

    private var facts: HTML {
        let image = run.report.image
        var facts: [(String, String)] = [
            ("image", image.path), ("workload", run.workload), ("platform", run.report.platform.rawValue),
            ("engine", run.engine), ("freeze", image.freeze?.rawValue ?? "unknown"),
            (
                "frozen region",
                ByteCount(image.frozenBytes).rounded
                    + (run.report.slots.map { ", \($0.groupedOf("slot"))" } ?? "")
            ),
            ("RAM", ByteCount(image.ramBytes).rounded), ("policy", image.policy?.rawValue ?? "unknown"),
            ("ending", run.report.end), ("time", time),
        ]
        if let misses = run.misses { facts.append(("page misses", misses.grouped)) }
        if let shares = run.summary?.span?.shares {
            facts.append(
                ("hypervisor", "\(shares.hypervisor.percent) of the run, cipher \(shares.cipher.percent)"))
        }
        if let summary = run.summary {
            let sampled =
                switch summary.sampledOneIn {
                case 0: "counters only"
                case 1: "every exit"
                default: "one exit in \(summary.sampledOneIn)"
                }
            let clock = summary.clock.ticksPerSecond.map { " at \($0.scaled("Hz"))" } ?? ""
            facts.append(("trace", "\(sampled), times in \(summary.clock.unit.rawValue)\(clock)"))
        }
        let items = facts.map { name, value -> HTML in "<div><dt>\(name)</dt><dd>\(value)</dd></div>" }
        return "<dl class=\"facts\">\(items)</dl>"
    }

    private var time: String {
        let wall = run.report.wallSeconds.formatted(places: 1),
            user = run.report.userSeconds.formatted(places: 1)
        return "\(wall) s on the clock, \(user) s of the emulator's CPU"
    }

    /// What was not as asked, and what to know of the evidence.
    private var sentences: HTML {
        var sentences = run.report.unmet.map { ("bad", "Not as asked", $0) }
        sentences += run.report.warnings.map { ("unsure", "Warning", $0) }
        if let lost = run.summary?.lostFrames, lost > 0 {
            sentences.append(
                (
                    "unsure", "Warning",
                    "\(lost.groupedOf("frame")) of the trace lost: what is sampled is incomplete."
                ))
        }
        let items = sentences.map { style, kind, words -> HTML in
            "<li><span class=\"badge \(style)\">\(kind)</span> \(words)</li>"
        }
        return items.isEmpty ? "" : "<ul class=\"sentences\">\(items)</ul>"
    }

    private var details: HTML {
        let console: HTML =
            run.console.isEmpty
            ? ""
            : "<details><summary>The console's last lines</summary><pre tabindex=\"0\">\(run.console)</pre></details>"
        return """
            <details><summary>Command line and folder</summary><pre tabindex="0">\(run.report.commandLine)

            \(run.folder.folder.plainPath)</pre></details>
            \(console)
            """
    }
}
