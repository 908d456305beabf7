package import Foundation
import FrostFormat
package import FrostSupport

/// DRAM as an attacker sees it, one pixel a page, panels side by side, and below each what was found in it.
///
/// - Shape: an SVG; each map is a PNG inside of it, rows of pages in the order of addresses. Or the maps alone, as a PNG.
/// - Units: points; in the PNG pixels
package struct DRAMPicture: Sendable {
    package let panels: [DRAMMap]

    static let side = 512
    private static let left = 76
    /// Holds the region's words on the left and the next panel's sizes on the right.
    private static let gap = 160
    static let top = 148
    /// Of the PNG, in pixels.
    static let pixelGap = 8

    package init(_ panels: [DRAMMap]) {
        self.panels = panels
    }

    /// Whether ``write(to:)`` can succeed: worth knowing before a long search.
    package static func check(_ file: URL) throws(Failure) {
        guard ["svg", "png"].contains(file.pathExtension) else { throw .unknownKind(file.plainPath) }
        guard FileManager.default.isWritableFile(atPath: file.deletingLastPathComponent().plainPath) else {
            throw .cannotWrite(file.plainPath)
        }
    }

    /// As SVG, or as PNG, by the file's name.
    package func write(to file: URL) throws(Failure) {
        try Self.check(file)
        let data = file.pathExtension == "png" ? Data(png) : Data(svg.utf8)
        do { try data.write(to: file) } catch { throw .cannotWrite(file.plainPath) }
    }

    private var png: [UInt8] {
        let white = PNG.Colour(red: 0xFF, green: 0xFF, blue: 0xFF)
        return PNG.encode(
            pixels, width: pixelWidth, palette: DRAMMap.Look.allCases.map(\.colour) + [white])
    }

    var pixelWidth: Int { panels.map(\.columns).reduce(0, +) + (panels.count - 1) * Self.pixelGap }

    /// One a page, row after row; white between the maps, and below those that are lower than others.
    var pixels: [UInt8] {
        let white = UInt8(DRAMMap.Look.allCases.count)
        let maps = panels.map { (pixels: $0.pixels, columns: $0.columns, rows: $0.rows) }
        var pixels: [UInt8] = []
        for row in 0..<(maps.map(\.rows).max() ?? 0) {
            for (index, map) in maps.enumerated() {
                if index > 0 { pixels += [UInt8](repeating: white, count: Self.pixelGap) }
                if row < map.rows {
                    pixels += map.pixels[row * map.columns..<(row + 1) * map.columns]
                } else {
                    pixels += [UInt8](repeating: white, count: map.columns)
                }
            }
        }
        return pixels
    }

    var svg: String {
        let step = Self.side + Self.gap
        let width = Self.left + panels.count * step
        let found = Self.top + Self.side + 36
        let legend = found + DRAMSearchKind.allCases.count * 22 + 64
        let height = legend + DRAMMap.Look.allCases.count * 24 + 20
        let body = panels.enumerated().flatMap { index, map in
            let x = Self.left + index * step
            return [heading(map, x: x), image(map, x: x), marks(map, x: x), region(map, x: x)]
                + [self.found(map, x: x, y: found)]
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" \
            width="\(width)" height="\(height)" font-family="DejaVu Sans, Helvetica, sans-serif" font-size="13">
            <rect width="100%" height="100%" fill="white"/>
            \(SVGText(Self.left, 36, "DRAM of a stopped machine, as an attacker reads it", size: 19, weight: "bold"))
            \(SVGText(Self.left, 60, "Each pixel is a page of 4 KiB; lowest address at the top left, row after row.", size: 13, fill: SVGText.quiet))
            \(body.joined(separator: "\n"))
            \(self.legend(y: legend, step: step))
            </svg>

            """
    }

    // MARK: one panel

    private func heading(_ map: DRAMMap, x: Int) -> String {
        let pages = map.looks.count.grouped
        let answer =
            map.report.hasFound
            ? "\(map.clearPages.grouped) of \(pages) pages lie open"
            : "no secret in \(pages) pages"
        let colour = map.report.hasFound ? DRAMMap.Look.found.colour.hexadecimal : SVGText.good
        return [
            SVGText(x, 98, map.title, size: 17, weight: "bold"),
            SVGText(x, 124, answer, size: 17, weight: "bold", fill: colour),
            SVGText(
                x + Self.side, 140, "instruction \(map.instant.grouped) since power-on",
                size: 11,
                anchor: "end", fill: SVGText.quiet),
        ].map(\.description).joined(separator: "\n")
    }

    /// The attacks, each with what it got.
    private func found(_ map: DRAMMap, x: Int, y: Int) -> String {
        let instants = map.report.instants
        let times = instants == 1 ? "at this instant" : "at \(instants.grouped) instants"
        let head = SVGText(x, y, "What the attacker found \(times):", size: 14, weight: "bold")
        let lines = map.report.results.filter { $0.sought != 0 }.enumerated().map { index, result in
            let fill = result.instants > 0 ? DRAMMap.Look.found.colour.hexadecimal : SVGText.good
            return SVGText(x + 8, y + 24 + index * 22, result.sentence, size: 13, fill: fill)
        }
        return ([head] + lines).map(\.description).joined(separator: "\n")
    }

    private func image(_ map: DRAMMap, x: Int) -> String {
        return """
            <image x="\(x)" y="\(Self.top)" width="\(Self.side)" height="\(Self.side)" \
            preserveAspectRatio="none" style="image-rendering: pixelated" xlink:href="\(map.dataURI)"/>
            """
    }

    private func y(_ page: Int, _ map: DRAMMap) -> Int {
        Self.top + page * Self.side / (map.rows * map.columns)
    }

    private func marks(_ map: DRAMMap, x: Int) -> String {
        let pages = map.looks.count
        return stride(from: 0, through: pages, by: max(1, pages / 8)).map { page in
            let size = ByteCount(UInt64(page * DRAMView.pageBytes))
            let label = page == 0 ? "0" : size.rounded
            return """
                <path d="M\(x - 6) \(y(page, map))h6" stroke="#4a5568"/>
                \(SVGText(x - 10, y(page, map) + 4, label, size: 10, anchor: "end"))
                """
        }.joined(separator: "\n")
    }

    /// Beside the map: its own pixels are part of the picture.
    private func region(_ map: DRAMMap, x: Int) -> String {
        let first = y(map.region.lowerBound, map), height = max(3, y(map.region.upperBound, map) - first)
        let edge = x + Self.side
        let words =
            map.report.freeze == .fit
            ? ["frozen region:", "in the cache,", "stale in DRAM"] : ["slots in", "ordinary", "memory"]
        let lines = words.enumerated().map {
            SVGText(edge + 14, first + 10 + $0 * 13, $1, size: 10, fill: SVGText.good).description
        }
        return
            ([
                "<rect x=\"\(edge + 3)\" y=\"\(first)\" width=\"6\" height=\"\(height)\" fill=\"\(SVGText.good)\"/>"
            ]
            + lines).joined(separator: "\n")
    }

    // MARK: legend

    private func legend(y: Int, step: Int) -> String {
        let head =
            [
                SVGText(Self.left, y - 12, "Colours, and how many pages have them", size: 14, weight: "bold")
                    .description
            ]
        let lines = DRAMMap.Look.allCases.reversed().enumerated().map { index, look in
            let at = y + index * 24
            let box =
                "<rect x=\"\(Self.left)\" y=\"\(at)\" width=\"16\" height=\"16\" fill=\"\(look.colour.hexadecimal)\"/>"
            let counts = panels.enumerated().map { number, map in
                SVGText(
                    Self.left + 600 + number * 150, at + 13, map.count(look).grouped, size: 13,
                    anchor: "end"
                ).description
            }
            return ([box, SVGText(Self.left + 26, at + 13, look.meaning, size: 13).description] + counts)
                .joined(separator: "\n")
        }
        let titles = panels.enumerated().map { number, map in
            SVGText(
                Self.left + 600 + number * 150, y - 12, "--freeze \(map.freezeName)", size: 12, anchor: "end",
                fill: SVGText.quiet
            ).description
        }
        return (head + titles + lines).joined(separator: "\n")
    }

    package enum Failure: Explained, Equatable {
        case unknownKind(String)
        case cannotWrite(String)

        package var exitCode: ExitCode {
            switch self {
            case .unknownKind: .usage
            case .cannotWrite: .cannotWrite
            }
        }

        package var description: String {
            switch self {
            case .unknownKind(let path): "\(path) is no name for a picture. Let it end in .svg or .png."
            case .cannotWrite(let path): "\(path) cannot be written. Choose another place with --picture."
            }
        }
    }
}
