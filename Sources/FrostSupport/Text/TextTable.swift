/// Columns for a reader: the first to the left, all others to the right.
package struct TextTable: CustomStringConvertible {
    private let rows: [[String]]

    package init(_ head: [String], _ rows: [[String]]) {
        self.rows = [head] + rows
    }

    package var description: String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return column == 0 ? row[column] + space : space + row[column]
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
