package import Foundation
package import FrostImage
import FrostSupport

/// An experiment: its cells, in order, and where they may run.
///
/// - Source: docs/guide/sweeps.md describes the file.
package struct SweepMatrix: Sendable {
    package typealias Failure = SweepFileFailure

    package let title: String
    package let cells: [NamedCell]
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
}
