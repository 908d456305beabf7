/// The cells of a matrix, before any is run.
public struct SweepList: Codable, Sendable {
    public struct Entry: Codable, Sendable {
        public var name: String
        public var cell: SweepCell
    }

    public let cells: [Entry]

    public init(_ matrix: SweepMatrix) {
        cells = matrix.cells.map { Entry(name: $0.name, cell: $0.cell) }
    }
}

extension SweepList: CustomStringConvertible {
    public var description: String {
        (cells.map(\.name) + ["\(cells.count.of("cell"))"]).joined(separator: "\n")
    }
}
