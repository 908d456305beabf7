package import Foundation
package import FrostImage
package import FrostSupport

/// An experiment: its cells, in order, and where they may run.
///
/// - Source: docs/guide/sweeps.md describes the file.
package struct SweepMatrix: Sendable {
    package struct Named: Sendable, Equatable {
        /// Made of what the file varies; a folder's name.
        package var name: String
        /// The same for all repetitions.
        package var base: String
        package var cell: SweepCell
    }

    package let title: String
    package let cells: [Named]
    /// Empty: this machine alone.
    package let places: [SweepPlace]

    private static let sections = ["matrix", "exclude", "include", "settings", "repeats", "hosts", "title"]

    /// - Throws: ``Failure``
    package init(reading url: URL, in tree: SourceTree) throws(Failure) {
        let file = try SweepFile(reading: url)
        let sections = try file.sections(Self.sections)
        title =
            try sections["title"].map { node throws(Failure) in try file.scalar(node, of: "title") }
            ?? url.deletingPathExtension().lastPathComponent
        places =
            try sections["hosts"].map { node throws(Failure) in try SweepPlace.all(node, in: file) } ?? []
        let folder = url.absoluteURL.deletingLastPathComponent()
        cells = try SweepCells(file: file, tree: tree, folder: folder).combine(sections)
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case mistake(String, line: Int?, String)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .mistake: .badInput
            }
        }

        package var description: String {
            switch self {
            case .missing(let path): "There is no sweep \(path). Check the path."
            case .mistake(let path, let line, let sentence):
                "\(path)\(line.map { ", line \($0)" } ?? ""): \(sentence)"
                    + (sentence.hasSuffix(".") ? "" : ".")
            }
        }
    }
}
