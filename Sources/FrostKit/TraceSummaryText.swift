extension TraceSummary: CustomStringConvertible {
    /// Tables for a reader.
    public var description: String {
        var sections: [String] = []
        let factRows = TraceFact.allCases.compactMap { fact in
            facts[fact.rawValue].map { [fact.rawValue, fact.text(of: $0)] }
        }
        sections.append(TextTable(["fact", "value"], factRows).description)

        let countRows = TraceCounter.allCases.compactMap { counter -> [String]? in
            guard let count = counts[counter.name], count.events > 0 else { return nil }
            let mean = count.cycles == 0 ? "" : "\(count.cycles / count.events)"
            return [counter.name, "\(count.events)", mean]
        }
        sections.append(
            counts.isEmpty
                ? "No counts: the trace has no end record."
                : "Counts are exact; kinds that never happened are left out.\n"
                    + TextTable(["event", "times", "mean cycles"], countRows).description)

        let timingRows = Timing.allCases.compactMap { timing -> [String]? in
            guard let spread = cycles[timing.rawValue] else { return nil }
            return [
                timing.rawValue, "\(spread.samples)", "\(spread.p50)", "\(spread.p90)", "\(spread.p99)",
                "\(spread.max)",
            ]
        }
        if !timingRows.isEmpty {
            sections.append(
                "Cycles of the sampled exits, one in \(sampledOneIn), and of the pages they took.\n"
                    + TextTable(["kind", "samples", "p50", "p90", "p99", "max"], timingRows).description)
        }
        sections.append(closing)
        return sections.joined(separator: "\n\n")
    }

    private var closing: String {
        var lines = ["ending: \(end)"]
        lines.append("\(records) records, \(lostFrames) frames lost, \(noiseBytes) bytes of noise")
        if unknownRecords > 0 {
            lines.append("\(unknownRecords) records are of a kind that this frost does not know")
        }
        if partialBytes > 0 {
            lines.append("the trace stops in the middle of a frame (\(partialBytes) bytes)")
        }
        return lines.joined(separator: "\n")
    }
}
