package import FrostSilicon
import FrostSupport

/// What the silicon image found on one machine, as a page that needs nothing but itself.
package struct SiliconPage {
    package let html: String

    package init(_ report: SiliconReport) {
        let doubt: HTML =
            report.machine.doubt.map { "<p class=\"badge bad\">It proves nothing: \($0).</p>" } ?? ""
        let tiles = SiliconVerdict.allCases.map { verdict -> HTML in
            let count = report.findings.count { $0.verdict == verdict }
            return "<li class=\"\(Self.style(verdict))\"><b>\(count)</b> \(verdict.rawValue)</li>"
        }
        let rows = report.findings.map { finding -> [HTML] in
            [
                "\(finding.claim.rawValue)",
                "<span class=\"badge \(Self.style(finding.verdict))\">\(finding.verdict.rawValue)</span>",
                "\(finding.statement)", "\(finding.reason)", "\(finding.place)",
            ]
        }
        let table = DataTable(
            "Claims", ["claim", "verdict", "what is said", "why", "where it is said"], markup: rows,
            textColumns: 5)
        let page: HTML = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>Frostvisor: \(report.machine.description)</title>
            <style>\(HTML(trusted: ReportStyle.sheet))</style>
            </head>
            <body>
            <header><h1>Frostvisor <span>on silicon</span></h1>
            <p class="quiet">\(report.machine.description). Made by frost silicon; a checksum is no signature.</p>
            \(doubt)
            <ul class="tiles">\(tiles)</ul>
            </header>
            <main>
            <section aria-labelledby="claims"><h2 id="claims">Claims</h2>
            \(table.html)
            </section>
            <section aria-labelledby="result"><h2 id="result">The result</h2>
            <p class="quiet">As the program wrote it: frost silicon reads it again.</p>
            <pre class="scroll">\(report.result.joined(separator: "\n"))</pre></section>
            </main>
            </body>
            </html>

            """
        html = page.text
    }

    private static func style(_ verdict: SiliconVerdict) -> String {
        switch verdict {
        case .measured: "good"
        case .contradicted: "bad"
        case .notTested: "unsure"
        }
    }
}
