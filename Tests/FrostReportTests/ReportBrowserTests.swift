import Foundation
import FrostImage
@testable import FrostReport
import FrostSamples
import FrostSilicon
import FrostSupport
import Testing

@Suite(
    .serialized,
    .enabled(
        if: Browser.path != nil,
        "SKIP: no Chromium here (apt-get install -y --no-install-recommends chromium)"))
struct ReportBrowserTests {
    private func write(_ html: String, in scratch: Scratch) throws -> URL {
        let file = scratch.url.appending(path: "report.html")
        try Data(html.utf8).write(to: file)
        return file
    }

    private func page(in scratch: Scratch) throws -> String {
        var options = Report.Options()
        options.benchmark = ReportTests.benchmark
        return try Report(ReportTests.folders(in: scratch), options: options).html
    }

    @Test("A browser shows the page, light and dark, wide and narrow, and reports no error")
    func shown() throws {
        let scratch = try Scratch()
        let file = try write(page(in: scratch), in: scratch)
        let browser = try Browser()
        try browser.show(file)
        #expect(
            browser.requests.allSatisfy {
                $0 == file.absoluteString || $0.hasPrefix("data:image/png;base64,")
            })
        // Folded parts are laid out too.
        let _: Bool = try browser.evaluate(
            "(document.querySelectorAll('details').forEach(d => d.open = true), true)")
        for (width, isDark) in [(1280, false), (1280, true), (390, false), (390, true)] {
            try browser.setView(width: width, isDark: isDark)
            let probe: PageProbe = try browser.evaluate(PageProbe.script)
            #expect(probe.faults.isEmpty, "\(width), \(isDark ? "dark" : "light")")
            #expect(probe.title == "Frostvisor: 3 runs")
            #expect((probe.runs, probe.rows, probe.scripts) == (3, 3, 0))
            // Three of the good run; the same and the curve of the other; and the cipher's.
            #expect((probe.charts, probe.figures) == (7, 8))
            let png = try browser.screenshot()
            try keep(png, "\(width)-\(isDark ? "dark" : "light")")
            let picture = try Picture(png, in: browser)
            #expect(picture.width == width)
            #expect(picture.height > 1500)
            #expect(picture.colours > 100)
            #expect(isDark ? picture.brightness < 0.25 : picture.brightness > 0.75)
        }
        #expect(browser.errors.isEmpty)
    }

    @Test(
        "A page of the silicon image's result is shown without an error or a request, and its names stay text"
    )
    func silicon() throws {
        let kept = SourceTree.underTest.root.appending(path: "Tests/InputFuzzTests/Corpus/silicon/sample")
        let name = Array("<img src=x>.....".utf8)
        let registers = stride(from: 0, to: 16, by: 4).map { at in
            String((0..<4).reduce(UInt32(0)) { $0 | UInt32(name[at + $1]) << (8 * $1) }, radix: 16)
        }
        let rows = try String(contentsOf: kept, encoding: .utf8).split(separator: "\n").dropFirst().dropLast()
            .map { line in
                let words = line.split(separator: " ").dropFirst().dropLast()
                return words.first == "brand"
                    ? "brand ok 0 " + registers.joined(separator: " ") : words.joined(separator: " ")
            }
        let text = SiliconResult.forged(of: rows).joined(separator: "\n")
        let report = SiliconReport(try SiliconResult(Array(text.utf8), named: "it"))
        let scratch = try Scratch(), browser = try Browser()
        let file = try write(SiliconPage(report).html, in: scratch)
        try browser.show(file)
        #expect(browser.requests.allSatisfy { $0 == file.absoluteString })
        for (width, isDark) in [(1280, false), (390, true)] {
            try browser.setView(width: width, isDark: isDark)
            let probe: PageProbe = try browser.evaluate(PageProbe.script)
            #expect(probe.faults.isEmpty, "\(probe.faults)")
            #expect(probe.title.contains("<img src=x>"))
            try keep(browser.screenshot(), "silicon-\(width)")
        }
        #expect(browser.errors.isEmpty)
    }

    /// For people to look at, where they say.
    private func keep(_ png: Data, _ name: String) throws {
        guard let folder = ProcessInfo.processInfo.environment["FROST_SCREENSHOTS"] else { return }
        try png.write(to: URL(filePath: folder).appending(path: "report-\(name).png"))
    }

    @Test("A screen reader finds each chart and each table by a name")
    func accessible() throws {
        let scratch = try Scratch()
        let browser = try Browser()
        try browser.show(write(page(in: scratch), in: scratch))
        let _: Bool = try browser.evaluate(
            "(document.querySelectorAll('details').forEach(d => d.open = true), true)")
        let tree = try browser.call("Accessibility.getFullAXTree")["nodes"] as? [[String: Any]] ?? []
        func names(_ role: String) -> [String] {
            tree.filter { ($0["role"] as? [String: Any])?["value"] as? String == role }.map {
                ($0["name"] as? [String: Any])?["value"] as? String ?? ""
            }
        }
        let images = names("image") + names("img")
        #expect(images.count >= 8)
        #expect(images.allSatisfy { !$0.isEmpty })
        let tables = names("table")
        #expect(tables.count >= 9)
        #expect(tables.allSatisfy { !$0.isEmpty })
        #expect(names("main").count == 1)
    }

    @Test("The probe finds what is wrong with a page")
    func controls() throws {
        let scratch = try Scratch()
        let html = try page(in: scratch)
        let browser = try Browser()
        let changes: [(String, String, String)] = [
            ("</main>", "<img src=\"http://127.0.0.1:9/x.png\" alt=\"\"></main>", "external"),
            ("</main>", "<p style=\"width: 3000px\">wide</p></main>", "wider than the window"),
            ("</main>", "<p style=\"color: #bbb\">faint</p></main>", "low contrast"),
            ("</svg></div>", "<text x=\"60\" y=\"15\">over</text></svg></div>", "texts overlap"),
            ("</svg></div>", "<text x=\"470\" y=\"60\">outside</text></svg></div>", "text leaves its chart"),
            ("<desc id=\"run-1-time-d\">", "<desc>", "chart without words"),
            ("id=\"run-2\"", "id=\"run-1\"", "id twice"),
            ("tabindex=\"0\" role=\"region\"", "role=\"region\"", "no key reaches it"),
        ]
        for (text, change, fault) in changes {
            let place = try #require(html.range(of: text), "\(text)")
            var broken = html.replacingCharacters(in: place, with: change)
            if text.hasPrefix("tabindex") { broken = html.replacing(text, with: change) }
            try browser.show(write(broken, in: scratch))
            try browser.setView(width: 390, isDark: false)
            let _: Bool = try browser.evaluate(
                "(document.querySelectorAll('details').forEach(d => d.open = true), true)")
            let probe: PageProbe = try browser.evaluate(PageProbe.script)
            #expect(probe.faults.contains { $0.contains(fault) }, "\(fault): \(probe.faults)")
        }
        // The page's own policy stops what the first of them asked for, and says so.
        try browser.show(write(html.replacing("</main>", with: changes[0].1), in: scratch))
        #expect(browser.errors.contains { $0.contains("Content Security Policy") })
    }
}
