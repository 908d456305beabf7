package import Foundation
package import FrostImage
import FrostMachine
import FrostSupport

/// A matrix of runs, done as far as it is not done yet.
package struct Sweep {
    package var matrix: SweepMatrix
    package var folder: SweepFolder
    /// Cells at a time on this machine, where the file names no hosts.
    package var jobs: Int
    /// Run failed cells once more.
    package var retriesFailed = false
    /// What it is compared with, and by what.
    package var baseline: SweepReport?
    package var tolerances: [SweepMetric: SweepTolerance] = [:]
    private let tree: SourceTree
    /// The command that runs a cell.
    private let frost: URL
    private let progress: (String) -> Void

    package init(
        _ matrix: SweepMatrix, in folder: URL, tree: SourceTree, frost: URL, jobs: Int,
        progress: @escaping (String) -> Void = { _ in }
    ) {
        (self.matrix, self.folder) = (matrix, SweepFolder(folder))
        (self.tree, self.frost, self.jobs, self.progress) = (tree, frost, jobs, progress)
    }

    /// Runs what is not finished, and writes the reports; also when a signal ends it before all is done.
    /// - Throws: ``SweepFolder/Failure``, or as ``Toolchain/buildHypervisor()`` and ``ImageBuilder``.
    package func run() throws -> SweepReport {
        let start = ContinuousClock.now
        let signals = SignalWatch()
        try folder.prepare()
        let lock = try SweepLock(folder, progress: progress)
        defer { withExtendedLifetime((lock, signals)) {} }
        var images = try SweepImages(tree: tree, folder: folder, progress: progress)
        let jobs = try matrix.cells.map { named in
            SweepJob(
                named: named, definition: try images.definition(of: named.cell),
                image: try images.place(of: named.cell))
        }
        var results = try keep(jobs)
        let open = jobs.filter { results[$0.named.name] == nil }
        let (runnable, hindered) = try make(open, with: images, until: { SignalWatch.isCaught })
        for result in hindered {
            results[result.name] = result
            progress("\(result.name): \(result.outcome.rawValue): \(result.reason ?? "?")")
        }
        var counter = SweepProgress(
            total: jobs.count, left: runnable.map(\.named), finished: Array(results.values),
            jobs: places.reduce(0) { $0 + $1.jobs })
        var schedule = SweepSchedule(
            runnable, places: places,
            start: { try SweepProcess($0, at: $1, in: folder, frost: frost, lock: lock) },
            isInterrupted: { SignalWatch.isCaught }, progress: progress
        ) { result in
            if result.outcome == .passed || result.outcome == .failed { try folder.commit(result) }
            results[result.name] = result
            progress(counter.line(for: result))
        }
        try schedule.run()
        let report = SweepReport(
            title: matrix.title, cells: matrix.cells.compactMap { results[$0.name] }, of: matrix.cells.count,
            wallSeconds: (ContinuousClock.now - start) / .seconds(1), isInterrupted: SignalWatch.isCaught)
        return try finish(report)
    }

    /// Compares, and writes the reports.
    private func finish(_ report: SweepReport) throws -> SweepReport {
        var report = report
        if let baseline, !report.isInterrupted {
            report.comparison = SweepComparison(
                report.cells, baseline: baseline.cells, tolerances: tolerances)
        }
        try folder.write(report, to: folder.report)
        try folder.write([UInt8](JUnitReport(report).xml.utf8), to: folder.junit)
        return report
    }

    private var places: [SweepPlace] {
        let named = matrix.places
        let needsLocal = matrix.cells.contains { cell in
            !named.contains { $0.takes(cell.cell, among: named) }
        }
        return (needsLocal ? [SweepPlace(jobs: jobs, isListed: false)] : []) + named
    }

    /// The results that stay, by name; says what becomes of all others.
    private func keep(_ jobs: [SweepJob]) throws -> [String: SweepResult] {
        let finished = folder.finished()
        let kept = jobs.compactMap { job in finished[job.definition].map { (job, $0) } }
            .filter { !retriesFailed || $1.outcome == .passed }
        // Two steps: one cell's old name may be another's new one.
        let moved = kept.filter { $0.named.name != $1.name }
        for (job, result) in moved { try folder.rename(result, to: ".moved-\(job.definition.prefix(16))") }
        for (job, var result) in moved {
            result.name = ".moved-\(job.definition.prefix(16))"
            try folder.rename(result, to: job.named.name)
        }
        var results: [String: SweepResult] = [:]
        for (job, var result) in kept {
            (result.name, result.base) = (job.named.name, job.named.base)
            result.folder = "cells/\(job.named.name)"
            results[job.named.name] = result
        }
        tell(jobs, finished, results)
        return results
    }

    private func tell(_ jobs: [SweepJob], _ finished: [String: SweepResult], _ kept: [String: SweepResult]) {
        let open = jobs.filter { kept[$0.named.name] == nil }
        let byName = Dictionary(finished.values.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        var words = "\(jobs.count.of("cell")): \(kept.count) finished already, \(open.count) to run"
        let changed = open.filter { byName[$0.named.name] != nil && finished[$0.definition] == nil }
        let rebuilt = changed.filter { byName[$0.named.name]?.cell == $0.named.cell }
        if !rebuilt.isEmpty { words += "; \(rebuilt.count) again, as the hypervisor or the guest changed" }
        let other = changed.count - rebuilt.count
        if other > 0 { words += "; \(other) again, as their definition in the file changed" }
        let wanted = Set(jobs.map(\.definition))
        let names = Set(jobs.map(\.named.name))
        let stale = finished.values.filter { !wanted.contains($0.definition) && !names.contains($0.name) }
        if !stale.isEmpty {
            words += "; \(stale.count) that the file no longer has stay in \(folder.cells.plainPath)"
        }
        progress(words)
    }

    /// Makes the images; cells that this host cannot run get their result at once.
    private func make(
        _ jobs: [SweepJob], with images: SweepImages, until isInterrupted: () -> Bool
    ) throws -> (runnable: [SweepJob], hindered: [SweepResult]) {
        var runnable: [SweepJob] = []
        var hindered: [SweepResult] = []
        var failures: [URL: String] = [:]
        for job in jobs {
            if isInterrupted() { break }
            func hinder(_ outcome: SweepResult.Outcome, _ reason: String) {
                hindered.append(
                    SweepResult(job.named, definition: job.definition, outcome: outcome, reason: reason))
            }
            do throws(Platform.Failure) {
                // Of a host that the file names, only a run tells.
                if !places.contains(where: { $0.uri != nil && $0.takes(job.named.cell, among: places) }) {
                    try job.named.cell.platform.check()
                }
                if job.named.cell.verify != nil { try job.named.cell.platform.require(.cacheModel) }
            } catch {
                hinder(.skipped, error.description)
                continue
            }
            if failures[job.image] == nil {
                do {
                    try images.make(job.named.cell, at: job.image)
                } catch let failure as any Explained {
                    failures[job.image] = failure.description
                }
            }
            if let failure = failures[job.image] { hinder(.broken, failure) } else { runnable.append(job) }
        }
        return (runnable, hindered)
    }
}
