import Foundation
import FrostFormat
import FrostSupport
import FrostSweep

/// Which runs the folders given to a report hold: a run itself, or the cells of a sweep.
struct ReportFolders {
    struct Entry {
        var name: String
        var folder: RunFolder
        /// What was run, where a sweep knows it better than the image's name.
        var workload: String?
    }

    /// A cell of a sweep that has no run to show.
    struct Gap {
        var name: String
        var reason: String
    }

    private(set) var entries: [Entry] = []
    private(set) var gaps: [Gap] = []

    /// - Throws: ``Report/Failure`` for a folder that holds no run.
    init(_ folders: [URL]) throws {
        for folder in folders { try add(folder) }
        nameApart()
    }

    private mutating func add(_ folder: URL) throws {
        guard Self.isFolder(folder) else { throw ReportFailure.noFolder(folder.plainPath) }
        let run = RunFolder(folder), sweep = SweepFolder(folder)
        if Self.exists(run.report) {
            entries.append(Entry(name: folder.standardizedFileURL.lastPathComponent, folder: run))
        } else if Self.exists(sweep.report) || Self.isFolder(sweep.cells) {
            try addCells(of: sweep)
        } else {
            throw ReportFailure.noRun(folder.plainPath)
        }
    }

    /// Also of a sweep that was killed: then only its finished cells are known, and the folders.
    private mutating func addCells(of sweep: SweepFolder) throws {
        let reported = Self.exists(sweep.report) ? try SweepReport(reading: sweep.report).cells : []
        let known = Dictionary(
            (reported + sweep.finished().values).map { ($0.name, $0) },
            uniquingKeysWith: { first, _ in first })
        let found = (try? FileManager.default.contentsOfDirectory(atPath: sweep.cells.plainPath)) ?? []
        let names = Set(known.keys).union(found.filter { !$0.hasPrefix(".") })
        for name in names.sorted(by: { $0.localizedStandardCompare($1) == .orderedAscending }) {
            let run = RunFolder(sweep.cell(name))
            if Self.exists(run.report) {
                entries.append(Entry(name: name, folder: run, workload: known[name]?.cell.image))
            } else {
                let words = [known[name]?.outcome.rawValue, known[name]?.reason].compactMap(\.self)
                gaps.append(
                    Gap(
                        name: name,
                        reason: words.isEmpty ? "not finished: no run.json" : words.joined(separator: ": ")))
            }
        }
    }

    /// Folders of one name get as much of their path as tells them apart.
    private mutating func nameApart() {
        let counts = Dictionary(entries.map { ($0.name, 1) }, uniquingKeysWith: +)
        for index in entries.indices where counts[entries[index].name] ?? 0 > 1 {
            entries[index].name = entries[index].folder.folder.standardizedFileURL.plainPath
        }
    }

    private static func exists(_ file: URL) -> Bool { FileManager.default.fileExists(atPath: file.plainPath) }

    private static func isFolder(_ file: URL) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: file.plainPath, isDirectory: &isFolder)
            && isFolder.boolValue
    }
}
