import DRAMSearch
import Foundation
import FrostFormat
import FrostProof
package import FrostSupport

/// What each page of DRAM looks like to the attacker, at one instant: one panel of the picture.
package struct DRAMMap: Sendable {
    /// The order is that of the palette.
    package enum Look: UInt8, CaseIterable {
        case blank
        case open
        case ciphertext
        case sparse
        case dense
        case found

        package var colour: PNG.Colour {
            switch self {
            case .blank: PNG.Colour(red: 0x1A, green: 0x20, blue: 0x2C)
            case .open: PNG.Colour(red: 0xA0, green: 0xAE, blue: 0xC0)
            case .ciphertext: PNG.Colour(red: 0x2B, green: 0x6C, blue: 0xB0)
            case .sparse: PNG.Colour(red: 0xFA, green: 0xD0, blue: 0x89)
            case .dense: PNG.Colour(red: 0xED, green: 0x89, blue: 0x36)
            case .found: PNG.Colour(red: 0xE5, green: 0x2E, blue: 0x2E)
            }
        }

        package var meaning: String {
            switch self {
            case .blank: "blank: one byte throughout"
            case .open: "public: stood there before any secret (firmware, hypervisor)"
            case .ciphertext: "ciphertext: looks random, 7.9 bits of entropy a byte or more"
            case .sparse: "open, sparse: less than 4 bits of entropy a byte"
            case .dense: "open, dense: 4 to 7.9 bits of entropy a byte"
            case .found: "open, and holds a secret that the attacker found"
            }
        }
    }

    package let report: ColdbootReport
    let instant: UInt64
    /// In the order of addresses.
    package let looks: [Look]
    /// Pages of the frozen region.
    package let region: Range<Int>

    /// - Parameter scan: as it is after the report's last instant
    package init(_ report: ColdbootReport, _ scan: ColdbootScan) {
        self.report = report
        instant = scan.view.instant
        looks = (0..<scan.view.pageCount).map { Self.look($0, scan) }
        let region = scan.view.log.region
        self.region =
            Int(region.lowerBound) / DRAMView.pageBytes..<Int(region.upperBound) / DRAMView.pageBytes
    }

    /// Those that anybody can read.
    var clearPages: Int { looks.count { [.sparse, .dense, .found].contains($0) } }

    var freezeName: String { report.freeze?.rawValue ?? "unknown" }

    /// For a reader who does not know the words.
    var title: String {
        switch report.freeze {
        case .fit: "With Frostvisor (--freeze fit)"
        case .window: "Pages decrypted into ordinary RAM (--freeze window)"
        default: "--freeze \(freezeName)"
        }
    }

    package func count(_ look: Look) -> Int { looks.count { $0 == look } }

    /// As many as rows, or twice as many: a page is then drawn twice as high as wide.
    package var columns: Int {
        var columns = 16
        while columns * columns < looks.count { columns *= 2 }
        return columns
    }

    package var rows: Int { (looks.count + columns - 1) / columns }

    /// A pixel a page, row after row; blank behind the last page.
    var pixels: [UInt8] {
        looks.map(\.rawValue) + [UInt8](repeating: 0, count: rows * columns - looks.count)
    }

    /// As a PNG, a pixel a page.
    package var dataURI: String {
        let png = PNG.encode(pixels, width: columns, palette: Look.allCases.map(\.colour))
        return "data:image/png;base64,\(Data(png).base64EncodedString())"
    }

    private static func look(_ page: Int, _ scan: ColdbootScan) -> Look {
        if !scan.finds(inPage: page).isEmpty { return .found }
        let bytes = scan.page(page)
        switch page_look_of(bytes.baseAddress) {
        case LOOK_BLANK: return .blank
        case LOOK_RANDOM: return .ciphertext
        default:
            if !scan.hasChanged(page) { return .open }
            return page_entropy(bytes.baseAddress, bytes.count) < 4 ? .sparse : .dense
        }
    }
}
