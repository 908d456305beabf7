public import Foundation

/// An experiment: its cells, in order, and where they may run.
///
/// - Source: docs/guide/sweeps.md describes the file.
public struct SweepMatrix: Sendable {
    public struct Named: Sendable, Equatable {
        /// Made of what the file varies; a folder's name.
        public var name: String
        /// The same for all repetitions.
        public var base: String
        public var cell: SweepCell
    }

    public let title: String
    public let cells: [Named]
    /// Empty: this machine alone.
    public let places: [SweepPlace]

    private static let sections = ["matrix", "exclude", "include", "settings", "repeats", "hosts", "title"]

    /// - Throws: ``Failure``
    public init(reading url: URL, in tree: SourceTree) throws(Failure) {
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

    public enum Failure: Explained, Equatable {
        case missing(String)
        case mistake(String, line: Int?, String)

        public var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .mistake: .badInput
            }
        }

        public var description: String {
            switch self {
            case .missing(let path): "There is no sweep \(path). Check the path."
            case .mistake(let path, let line, let sentence):
                "\(path)\(line.map { ", line \($0)" } ?? ""): \(sentence)"
                    + (sentence.hasSuffix(".") ? "" : ".")
            }
        }
    }
}
