public import Foundation

/// DRAM as an attacker sees it, one pixel a page, panels side by side.
///
/// - Shape: an SVG; each panel is a PNG inside of it, rows of pages in the order of addresses.
/// - Units: points
public struct DRAMPicture: Sendable {
    public let panels: [DRAMMap]

    private static let side = 512
    private static let gap = 110
    private static let top = 96

    public init(_ panels: [DRAMMap]) {
        self.panels = panels
    }

    /// As SVG, or as PNG, by the file's name.
    /// - Throws: ``Failure``, ``Tool/Failure``
    public func write(to file: URL) throws {
        guard ["svg", "png"].contains(file.pathExtension) else { throw Failure.unknownKind(file.plainPath) }
        let svg = Data(self.svg.utf8)
        guard file.pathExtension == "png" else { return try Self.write(svg, to: file) }
        let source = FileManager.default.temporaryDirectory.appending(
            path: "frost-picture-\(UUID().uuidString).svg")
        defer { try? FileManager.default.removeItem(at: source) }
        try Self.write(svg, to: source)
        let child = try ChildProcess(
            Tool.svgConverter.locate(), ["-o", file.plainPath, source.plainPath], error: .shared)
        guard child.collect().end.isSuccess else { throw Failure.cannotWrite(file.plainPath) }
    }

    private static func write(_ data: Data, to file: URL) throws(Failure) {
        do { try data.write(to: file) } catch { throw .cannotWrite(file.plainPath) }
    }

    var svg: String {
        let width = panels.count * (Self.side + Self.gap) + 40
        let legend = Self.top + Self.side + 44
        let height = legend + DRAMMap.Look.allCases.count * 22 + 10
        let body = panels.enumerated().map { panel($1, x: Self.gap + $0 * (Self.side + Self.gap)) }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" \
            width="\(width)" height="\(height)" font-family="DejaVu Sans, Helvetica, sans-serif" font-size="13">
            <rect width="100%" height="100%" fill="white"/>
            \(body.joined(separator: "\n"))
            \(self.legend(y: legend))
            </svg>

            """
    }

    // MARK: one panel

    private func panel(_ map: DRAMMap, x: Int) -> String {
        let found = map.count(.found), clear = found + map.count(.sparse) + map.count(.dense)
        let freeze = map.report.freeze?.rawValue ?? "unknown"
        let answer =
            map.report.hasFound
            ? "\(clear.grouped) of \(map.looks.count.grouped) pages in the clear"
            : "no secret found in \(map.looks.count.grouped) pages"
        let colour = map.report.hasFound ? DRAMMap.Look.found.colour.hexadecimal : "#276749"
        let attacks = map.report.results.map { "\($0.kind.title) \($0.mostAtOnce.grouped)" }
        return [
            text(x, 26, "--freeze \(freeze)", size: 20, weight: "bold"),
            text(x, 52, answer, size: 17, weight: "bold", fill: colour),
            text(
                x, 74,
                "found at once, of \(map.report.instants.grouped) instants: "
                    + attacks.prefix(3).joined(separator: ", "),
                size: 11),
            text(
                x, 89,
                attacks.dropFirst(3).joined(separator: ", ") + "; the picture is instant \(map.instant)",
                size: 11),
            image(map, x: x), marks(map, x: x), region(map, x: x),
        ].joined(separator: "\n")
    }

    private func image(_ map: DRAMMap, x: Int) -> String {
        """
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
                \(text(x - 10, y(page, map) + 4, label, size: 10, anchor: "end"))
                """
        }.joined(separator: "\n")
    }

    private func region(_ map: DRAMMap, x: Int) -> String {
        let first = y(map.region.lowerBound, map), height = max(2, y(map.region.upperBound, map) - first)
        return """
            <rect x="\(x - 1)" y="\(first)" width="\(Self.side + 2)" height="\(height)" fill="none" stroke="#38a169" \
            stroke-width="2"/>
            \(text(x + Self.side, Self.top + Self.side + 18, "green frame: the frozen region's place in DRAM", size: 11, anchor: "end", fill: "#276749"))
            """
    }

    // MARK: text

    private func legend(y: Int) -> String {
        let row = ByteCount(UInt64((panels.first?.columns ?? 0) * DRAMView.pageBytes)).rounded
        let head = text(Self.gap, y - 8, "one pixel: a page of 4 KiB; a row: \(row)", size: 11)
        let lines = DRAMMap.Look.allCases.enumerated().map { index, look in
            let at = y + index * 22
            let counts = panels.map { $0.count(look).grouped }.joined(separator: " | ")
            return """
                <rect x="\(Self.gap)" y="\(at)" width="15" height="15" fill="\(look.colour.hexadecimal)"/>
                \(text(Self.gap + 24, at + 12, "\(look.meaning): \(counts) pages", size: 13))
                """
        }
        return ([head] + lines).joined(separator: "\n")
    }

    private func text(
        _ x: Int, _ y: Int, _ text: String, size: Int, weight: String = "normal", anchor: String = "start",
        fill: String = "#1a202c"
    ) -> String {
        let safe = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        return """
            <text x="\(x)" y="\(y)" font-size="\(size)" font-weight="\(weight)" text-anchor="\(anchor)" \
            fill="\(fill)">\(safe)</text>
            """
    }

    public enum Failure: Explained, Equatable {
        case unknownKind(String)
        case cannotWrite(String)

        public var exitCode: ExitCode {
            switch self {
            case .unknownKind: .usage
            case .cannotWrite: .cannotWrite
            }
        }

        public var description: String {
            switch self {
            case .unknownKind(let path): "\(path) is no name for a picture. Let it end in .svg or .png."
            case .cannotWrite(let path): "\(path) cannot be written. Choose another place with --picture."
            }
        }
    }
}
