import FrostProof
import FrostSupport

/// What the proof says of a run.
struct VerdictCard {
    let verdict: CacheVerdict

    var html: HTML {
        let rows = verdict.findings.map { finding -> [HTML] in
            [
                "\(finding.condition.rawValue)", Self.badge(finding.holds),
                "\(finding.condition.statement(sharing: verdict.shared != nil))",
                "\(finding.figure)\(Self.violations(finding))",
            ]
        }
        let reasons = verdict.faults.map { fault -> HTML in "<li>\(fault)</li>" }
        let faults: HTML = reasons.isEmpty ? "" : "<p>Why not:</p><ul>\(reasons)</ul>"
        let shared: HTML = verdict.shared.map { "<p>\($0.description)</p>" } ?? ""
        return """
            <section class="verdict"><h4>Verdict: \(Self.badge(verdict.answer))</h4>
            <p class="quiet">Model of the cache: \(verdict.model.description)</p>\(faults)\(shared)
            \(DataTable("The six conditions", ["condition", "", "what must hold", "what was looked at"], markup: rows, textColumns: 4).html)
            </section>
            """
    }

    static func badge(_ answer: CacheVerdict.Answer) -> HTML {
        switch answer {
        case .proven: "<span class=\"badge good\">✓ proven</span>"
        case .leaked: "<span class=\"badge bad\">✗ leaked</span>"
        case .notProvable: "<span class=\"badge unsure\">? not provable</span>"
        }
    }

    private static func badge(_ holds: Bool?) -> HTML {
        switch holds {
        case true: "<span class=\"badge good\">✓ holds</span>"
        case false: "<span class=\"badge bad\">✗ broken</span>"
        case nil: "<span class=\"badge unsure\">? not judged</span>"
        }
    }

    private static func violations(_ finding: Finding) -> HTML {
        guard finding.violationCount > 0 else { return "" }
        let lines = finding.violations.map { violation -> HTML in
            let place =
                violation.address.map { " at \($0.hexadecimal), \(violation.place ?? "unknown memory")" }
                ?? ""
            let instruction = violation.instruction.map { ", by \($0)" } ?? ""
            return "<li><b>\(violation.rule)</b>: \(violation.sentence)\(place)\(instruction)</li>"
        }
        let first = finding.violationCount > finding.violations.count ? ", the first" : ""
        return "<p>\(finding.violationCount.groupedOf("violation"))\(first):</p><ul>\(lines)</ul>"
    }
}
