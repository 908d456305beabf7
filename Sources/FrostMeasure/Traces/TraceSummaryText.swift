import FrostFormat
import FrostMachine
import FrostSupport

extension TraceSummary: CustomStringConvertible {
    /// Tables for a reader.
    package var description: String {
        let facts = TraceFact.allCases.compactMap { fact in
            self.facts[fact.rawValue].map { [fact.rawValue, fact.text(of: $0)] }
        }
        let sections = [
            TextTable(["fact", "value"], facts).description, spanText, exitText, pageText, noteText,
            timelineText,
            closing,
        ]
        return sections.compactMap(\.self).joined(separator: "\n\n")
    }

    private var unit: String { clock.unit.rawValue }

    private var spanText: String? {
        guard let span else { return nil }
        let rate = clock.ticksPerSecond.map { " at \($0.scaled("Hz"))" } ?? ""
        var lines = [
            "time        \(clock.text(span.ticks)) from the guest's first instruction to the end: "
                + "\(Double(span.ticks).scaled()) \(unit)\(rate)"
        ]
        if let shares = span.shares {
            lines += [
                "hypervisor  \(shares.hypervisor.percent); of the run, the cipher \(shares.cipher.percent), "
                    + "erasing for first touches \(shares.blanking.percent)",
                "else        \((1 - shares.hypervisor).percent): the guest, the switches to it and back, and "
                    + "sending this trace",
            ]
        }
        return lines.joined(separator: "\n")
    }

    private var exitText: String? {
        table(
            .exit, "\(accuracy)\n\nWhat the guest stood still for, in \(unit)",
            without: "No counts: the trace has no end record.")
    }

    private var pageText: String? {
        table(
            .page,
            "What was done with pages, setting the guest up included; within exits its time is part of the above",
            without: nil)
    }

    /// Kinds that never happened are left out.
    private func table(_ role: TraceCounter.Role, _ title: String, without: String?) -> String? {
        let rows = TraceCounter.allCases.filter { $0.role == role }.compactMap { counter -> [String]? in
            let count = count(counter), spread = timing(counter)
            guard (count?.events ?? 0) > 0 || spread != nil else { return nil }
            let percentiles = spread.map {
                ["\($0.p50)", "\($0.p90)", "\($0.p99)", "\($0.max)", "\($0.samples)"]
            }
            let mean = count.map { $0.events == 0 ? "" : "\($0.ticks / $0.events)" }
            return [
                counter.name, count.map { "\($0.events)" } ?? "?",
                count.map { Double($0.ticks).scaled() } ?? "?",
                share(of: counter)?.percent ?? "?", mean ?? "?",
            ] + (percentiles ?? ["", "", "", "", "0"])
        }
        guard !rows.isEmpty else { return counts.isEmpty ? without : nil }
        let head = ["kind", "times", "total", "of run", "mean", "p50", "p90", "p99", "max", "samples"]
        let words = counts.isEmpty ? without.map { "\n\($0)" } ?? "" : ""
        return "\(title):\(words)\n" + TextTable(head, rows).description
    }

    private var accuracy: String {
        switch sampledOneIn {
        case 0: "All numbers are exact; no exit was sampled (--trace-every 0)."
        case 1: "All numbers are exact: every exit was recorded."
        default:
            "Times, total, share and mean are exact; percentiles and the timeline are of one exit in \(sampledOneIn)."
        }
    }

    private var noteText: String? {
        let notes = TraceCounter.allCases.filter { $0.role == .note }.compactMap { counter in
            count(counter).flatMap { $0.events > 0 ? "\(counter.name) \($0.events)" : nil }
        }
        return notes.isEmpty ? nil : "Also counted: " + notes.joined(separator: ", ")
    }

    private var timelineText: String? {
        guard let timeline else { return nil }
        let bin = clock.text(UInt64(saturating: timeline.binLength))
        let kind = timeline.isExact ? "exact" : "estimated from the samples"
        func row(_ name: String, _ values: [Double], top: Double? = nil, _ words: (Double) -> String)
            -> String
        {
            let most = values.max() ?? 0
            let pad = String(repeating: " ", count: max(0, 12 - name.count))
            return "\(name)\(pad)\(Sparkline.text(values, top: top ?? most))  \(words(most))"
        }
        func whole(_ value: Double) -> String { Int(saturating: value.rounded()).grouped }
        var lines = [
            "Timeline, \(timeline.misses.count) bins of \(bin), \(kind):",
            row("misses", timeline.misses) { "up to \(whole($0)) a bin" },
            row("other exits", timeline.otherExits) { "up to \(whole($0)) a bin" },
            row("hypervisor", timeline.hypervisor, top: 1) {
                "up to \($0.percent) of a bin; a full bar is all of it"
            },
        ]
        if let resident = timeline.resident {
            let slots = facts[TraceFact.slots.rawValue]
            lines.append(
                row("resident", resident, top: slots.map { Double($0) }) {
                    "up to \(whole($0)) pages, of \(slots?.grouped ?? "?") slots"
                })
        }
        return lines.joined(separator: "\n")
    }

    private var closing: String {
        var lines = ["ending: \(end)"]
        lines.append(
            "\(records.of("record")), \(lostFrames.of("frame")) lost, \(noiseBytes.of("byte")) of noise")
        if unknownRecords > 0 {
            lines.append("\(unknownRecords) records are of a kind that this frost does not know")
        }
        if partialBytes > 0 {
            lines.append("the trace stops in the middle of a frame (\(partialBytes.of("byte")))")
        }
        return lines.joined(separator: "\n")
    }
}
