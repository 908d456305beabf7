import FrostAttack
import FrostSupport

/// DRAM as an attacker finds it at a run's end, a pixel a page.
struct DRAMFigure {
    private static let left = 64.0
    private static let side = 400.0
    private static let top = 10.0

    let figure: Figure

    init(_ map: DRAMMap, identifier: String) {
        let looks = DRAMMap.Look.allCases
        let pages = map.looks.count
        func y(_ page: Int) -> Double { Self.top + Double(page) / Double(map.rows * map.columns) * Self.side }
        var parts: [HTML] = [
            """
            <image x="\(Self.left)" y="\(Self.top)" width="\(Self.side)" height="\(Self.side)" preserveAspectRatio="none" \
            style="image-rendering:pixelated" href="\(map.dataURI)"/>
            """,
            """
            <rect class="region" x="\(Self.left - 1.5)" y="\(y(map.region.lowerBound))" width="\(Self.side + 3)" \
            height="\(max(2, y(map.region.upperBound) - y(map.region.lowerBound)))"/>
            """,
        ]
        parts += stride(from: 0, through: pages, by: max(1, pages / 4)).map { page in
            let size = page == 0 ? "0" : ByteCount(UInt64(page * DRAMView.pageBytes)).rounded
            return Pen.text(Self.left - 8, y(page) + 4, size, "small", anchor: "end")
        }
        let legend = Self.top + Self.side + 14
        for (row, look) in looks.enumerated() {
            let at = legend + Double(row) * 18
            parts += [
                """
                <rect class="swatch" x="\(Self.left)" y="\(at)" width="12" height="12" \
                fill="\(look.colour.hexadecimal)"/>
                """,
                Pen.text(
                    Self.left + 20, at + 10,
                    "\(look.meaning.prefix { $0 != ":" }): \(map.count(look).grouped)", "label"),
            ]
        }
        let found = map.report.hasFound
        let words =
            found
            ? "The attacks found secrets in \(map.count(.found).grouped) of \(pages.grouped) pages."
            : "The attacks found nothing in \(pages.grouped) pages."
        figure = Figure(
            identifier: identifier, title: "DRAM at the end",
            note: """
                \(words) A pixel is a page of 4 KiB, a row \(ByteCount(UInt64(map.columns * DRAMView.pageBytes)).rounded). \
                Green frame: the frozen region's place.
                """,
            description: words, drawing: HTML(parts), height: legend + Double(looks.count) * 18 + 4,
            table: DataTable(
                "Pages of DRAM by their look", ["look", "pages"],
                looks.map { [$0.meaning, map.count($0).grouped] }))
    }
}
