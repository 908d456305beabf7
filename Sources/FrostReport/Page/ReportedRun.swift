import Foundation
import FrostFormat
import FrostMachine
import FrostMeasure
import FrostProof
import FrostSupport

/// One run as a report shows it: small, whatever the run recorded.
struct ReportedRun {
    let name: String
    let folder: RunFolder
    /// What was run: what runs of different regions have in common.
    let workload: String
    let report: RunReport
    /// nil when the hypervisor said nothing.
    let summary: TraceSummary?
    let verdict: CacheVerdict?
    let replay: ReplayReport?
    let console: String
    /// Numbered from 1, in the order of the page.
    var number = 0
    private(set) var figures: [Figure] = []
    private let trace: Trace

    private static let consoleLines = 24

    /// - Throws: ``Report/Failure``, ``RecordedRun/Failure``
    init(_ entry: ReportFolders.Entry) throws {
        (name, folder) = (entry.name, entry.folder)
        guard let report = try folder.decode(RunReport.self, from: folder.report) else {
            throw ReportFailure.noRun(folder.folder.plainPath)
        }
        self.report = report
        guard let bytes = try? Data(contentsOf: folder.trace) else {
            throw ReportFailure.lacks(folder.folder.plainPath, folder.trace.lastPathComponent)
        }
        trace = Trace(decoding: [UInt8](bytes))
        summary =
            trace.records.isEmpty
            ? nil : TraceSummary(trace, clock: report.clock ?? .unknown, bins: TimelineChart.bins)
        verdict = try folder.decode(CacheVerdict.self, from: folder.verdict)
        replay = try folder.decode(ReplayReport.self, from: folder.replay)
        workload =
            entry.workload ?? URL(filePath: report.image.path).deletingPathExtension().lastPathComponent
        console = Self.tail(of: folder.console)
    }

    /// Made once the run has its number; the records are let go.
    func drawn(number: Int, dram: Figure?) -> ReportedRun {
        var run = ReportedRun(self, number: number)
        guard let summary else {
            run.figures = [dram].compactMap(\.self)
            return run
        }
        let identifier = "run-\(number)"
        run.figures = [
            summary.timeline.map {
                TimelineChart($0, summary: summary, identifier: identifier + "-time").figure
            },
            LatencyChart(trace, summary: summary, identifier: identifier + "-latency")?.figure,
            ExitChart(summary, identifier: identifier + "-exits")?.figure,
            replay.flatMap { MissCurveChart($0, run: point, identifier: identifier + "-curve")?.figure },
            dram,
        ].compactMap(\.self)
        return run
    }

    private init(_ run: ReportedRun, number: Int) {
        (name, folder, workload, report) = (run.name, run.folder, run.workload, run.report)
        (summary, verdict, replay, console) = (run.summary, run.verdict, run.replay, run.console)
        self.number = number
        trace = Trace()
    }

    private static func tail(of file: URL) -> String {
        guard let data = try? Data(contentsOf: file) else { return "" }
        let text = String(decoding: data.suffix(8192), as: UTF8.self)
        return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).suffix(consoleLines)
            .joined(separator: "\n")
    }

    // MARK: what it is

    var isAsAsked: Bool { report.exitCode == ExitCode.asAsked.rawValue }
    /// Something that a reader should see first.
    var isTroubled: Bool { !isAsAsked || verdict?.answer == .leaked }
    var misses: UInt64? { report.counts[TraceCounter.miss.name] }

    /// The one that ran, where the trace tells.
    var engine: String {
        summary?.facts[TraceFact.engine.rawValue].map { TraceFact.engine.text(of: $0) }
            ?? report.image.engine?.rawValue ?? "?"
    }

    var point: MissCurveChart.Series? {
        misses.map {
            .init(
                name: "this run", points: [(Double(report.image.frozenBytes), Double($0))], isMeasured: true)
        }
    }

    /// What must be equal for two runs to lie on one line of misses against region size.
    var configuration: String {
        [
            report.platform.rawValue, engine, report.image.policy?.rawValue ?? "?",
            report.image.freeze?.rawValue ?? "?",
            ByteCount(report.image.ramBytes).rounded + " RAM",
        ].joined(separator: ", ")
    }
}
