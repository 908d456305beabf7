import FrostSupport

/// The cells of a matrix, before any is run.
package struct SweepList: Codable, Sendable {
    package struct Entry: Codable, Sendable {
        package var name: String
        package var cell: SweepCell
    }

    package let cells: [Entry]

    package init(_ matrix: SweepMatrix) {
        cells = matrix.cells.map { Entry(name: $0.name, cell: $0.cell) }
    }
}

extension SweepList: CustomStringConvertible {
    package var description: String {
        (cells.map(\.name) + ["\(cells.count.of("cell"))"]).joined(separator: "\n")
    }
}
