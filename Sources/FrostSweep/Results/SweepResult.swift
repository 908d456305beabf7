import Foundation
import FrostCore
package import FrostFormat
import FrostMachine
package import FrostProof
import FrostSupport

/// What came of one cell: `cell.json`, and an entry of `sweep.json`.
package struct SweepResult: Codable, Sendable {
    package enum Outcome: String, Codable, Sendable, CaseIterable {
        case passed
        /// It ran, and was not as asked; or its verdict is not *proven*.
        case failed
        /// This host cannot run it.
        case skipped
        /// It could not be run, for reasons that are not its own: the next sweep tries again.
        case broken
    }

    package var name: String
    /// The same for all repetitions.
    package var base: String
    package var cell: SweepCell
    /// A hash of the cell, of the hypervisor and of the guest's sources. Another hash is another experiment.
    package var definition: String
    package var outcome: Outcome
    /// Why it is not passed, in words.
    package var reason: String?
    package var ending: RunEnding.Kind?
    package var exitCode: Int32?
    package var wallSeconds: Double?
    /// Of the emulator.
    package var userSeconds: Double?
    package var slots: UInt64?
    /// Exact, by name of ``TraceCounter``.
    package var counts: [String: UInt64] = [:]
    /// Different guest pages that were opened; nil unless every exit was traced.
    package var firstTouches: Int?
    /// What Linux's kernel complained about; nil unless its console shows levels: ``KernelComplaints``.
    package var complaints: [String]?
    package var verdict: CacheVerdict.Answer?
    /// Where it ran.
    package var place: String?
    /// How often it was started; more than once where a place failed.
    package var attempts = 0
    /// Below the sweep's folder.
    package var folder: String?
    /// Runs it again, by hand.
    package var command: String?

    init(_ named: NamedCell, definition: String, outcome: Outcome, reason: String? = nil) {
        (name, base, cell) = (named.name, named.base, named.cell)
        (self.definition, self.outcome, self.reason) = (definition, outcome, reason)
    }

    /// Reads what `frost run` or `frost verify` left in its folder; nil when the run has no report: it never came to
    /// an end of its own.
    init?(_ named: NamedCell, definition: String, reading folder: RunFolder) {
        guard let data = try? Data(contentsOf: folder.report),
            let report = try? JSON.decode(RunReport.self, from: data)
        else { return nil }
        self.init(named, definition: definition, outcome: .passed)
        (ending, exitCode) = (report.ending, report.exitCode)
        (wallSeconds, userSeconds) = (report.wallSeconds, report.userSeconds)
        (slots, counts) = (report.slots, report.counts)
        if let trace = try? Trace(reading: folder.trace), trace.fact(.traceEvery) == 1 {
            firstTouches = Set(trace.records.filter { $0.kind == .open && $0.level == 0 }.map(\.value)).count
        }
        if let console = try? Data(contentsOf: folder.console) {
            complaints = KernelComplaints.texts(in: String(decoding: console, as: UTF8.self))
        }
        if report.exitCode != 0 {
            outcome = .failed
            reason = ([report.end] + report.unmet).joined(separator: " ")
        }
        guard named.cell.verify != nil else { return }
        guard let text = try? Data(contentsOf: folder.verdict),
            let verdict = try? JSON.decode(CacheVerdict.self, from: text)
        else { return nil }
        self.verdict = verdict.answer
        exitCode = verdict.answer.exitCode.rawValue
        guard verdict.answer != .proven else { return }
        outcome = .failed
        let violations = verdict.findings.flatMap { $0.violations.prefix(1) }.map(\.sentence)
        reason = (["\(verdict.answer.rawValue):"] + violations + verdict.faults).joined(separator: " ")
    }
}
