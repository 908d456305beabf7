/// A chart with its words, and its numbers for those who do not see it.
struct Figure {
    /// Unique in the page.
    var identifier: String
    var title: String
    /// What is drawn, in which units, and how sure it is.
    var note: HTML
    /// For screen readers: what there is to see.
    var description: String
    var drawing: HTML
    /// Units
    var width = 480.0
    var height: Double
    var isWide = false
    var table: DataTable

    var html: HTML {
        """
        <figure\(isWide ? " class=\"wide\"" : "" as HTML)>
        <figcaption><h4>\(title)</h4><p>\(note)</p></figcaption>
        <div class="drawing"><svg class="chart" viewBox="0 0 \(width) \(height)" role="img" \
        aria-labelledby="\(identifier)-t \(identifier)-d"><title id="\(identifier)-t">\(title)</title>\
        <desc id="\(identifier)-d">\(description)</desc>
        \(drawing)
        </svg></div>
        <details class="data"><summary>The numbers of “\(title)”</summary>\(table.html)</details>
        </figure>
        """
    }
}

/// Rows for a reader.
struct DataTable {
    var caption: String
    var head: [String]
    /// The first cell of each names its row.
    var rows: [[HTML]]
    /// How many of the columns, from the left, are text.
    var textColumns = 1

    init(_ caption: String, _ head: [String], _ rows: [[String]], textColumns: Int = 1) {
        self.init(caption, head, markup: rows.map { $0.map { "\($0)" } }, textColumns: textColumns)
    }

    init(_ caption: String, _ head: [String], markup rows: [[HTML]], textColumns: Int = 1) {
        (self.caption, self.head, self.rows, self.textColumns) = (caption, head, rows, textColumns)
    }

    var html: HTML {
        let head = head.enumerated().map { index, title -> HTML in
            "<th scope=\"col\"\(alignment(index))>\(title)</th>"
        }
        let rows = rows.map { row -> HTML in
            let cells = row.enumerated().map { index, cell -> HTML in
                index == 0 ? "<th scope=\"row\">\(cell)</th>" : "<td\(alignment(index))>\(cell)</td>"
            }
            return "<tr>\(HTML(cells, separator: ""))</tr>"
        }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="\(caption)"><table>
            <caption>\(caption)</caption>
            <thead><tr>\(HTML(head, separator: ""))</tr></thead>
            <tbody>
            \(rows)
            </tbody></table></div>
            """
    }

    private func alignment(_ column: Int) -> HTML { column < textColumns ? "" : " class=\"n\"" }
}
