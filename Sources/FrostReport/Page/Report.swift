package import Foundation
import FrostAttack
import FrostFormat
import FrostMachine
import FrostMeasure
import FrostProof
import FrostSupport

/// Any number of runs as one page of HTML that needs nothing but itself.
package struct Report {
    package typealias Options = ReportOptions
    package typealias Failure = ReportFailure

    package let html: String

    /// - Parameter folders: of runs, or of sweeps.
    /// - Throws: ``Failure`` or ``RecordedRun/Failure`` naming the folder that cannot be shown, and why.
    package init(_ folders: [URL], options: Options = Options(), progress: (String) -> Void = { _ in }) throws
    {
        let found = try ReportFolders(folders)
        let sorted = try found.entries.map { try ReportedRun($0) }.sorted(by: Self.isBefore)
        var runs: [ReportedRun] = []
        for run in sorted {
            if sorted.count > 20, runs.count.isMultiple(of: 20) {
                progress("\(runs.count) of \(sorted.count.of("run"))")
            }
            let number = runs.count + 1
            let dram = options.drawsDRAM ? Self.dram(run, number: number, progress) : nil
            runs.append(run.drawn(number: number, dram: dram))
        }
        html = ReportPage(runs: runs, gaps: found.gaps, options: options).html.text
    }

    /// Trouble first; then by what was run, how, and in how much.
    private static func isBefore(_ one: ReportedRun, _ other: ReportedRun) -> Bool {
        if one.isTroubled != other.isTroubled { return one.isTroubled }
        let keys = [(one.workload, other.workload), (one.configuration, other.configuration)]
        for (key, otherKey) in keys where key != otherKey {
            return key.localizedStandardCompare(otherKey) == .orderedAscending
        }
        let sizes = (one.report.image.frozenBytes, other.report.image.frozenBytes)
        return sizes.0 == sizes.1
            ? one.name.localizedStandardCompare(other.name) == .orderedAscending : sizes.0 < sizes.1
    }

    /// At the run's end. A record that cannot be attacked is no reason to have no report.
    private static func dram(_ run: ReportedRun, number: Int, _ progress: (String) -> Void) -> Figure? {
        let files = FileManager.default
        guard files.fileExists(atPath: run.folder.residencyLog.plainPath),
            files.fileExists(atPath: run.folder.proof.plainPath)
        else { return nil }
        progress("reading the DRAM of \(run.name)")
        do {
            var options = Coldboot.Options()
            options.instants = .end
            let (report, last) = try Coldboot(CacheRecord(reading: run.folder.folder), options: options).run()
            return DRAMFigure(DRAMMap(report, last), identifier: "run-\(number)-dram").figure
        } catch {
            progress("no picture of \(run.name)'s DRAM: \(error)")
            return nil
        }
    }
}
