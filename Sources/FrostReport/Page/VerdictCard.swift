import FrostMachine
import FrostProof
import FrostSupport

/// What the proof says of a run.
struct VerdictCard {
    let verdict: Verdict

    var html: HTML {
        let rows = verdict.findings.map { finding -> [HTML] in
            [
                "\(finding.condition.rawValue)", Self.badge(finding.holds), "\(finding.condition.statement)",
                "\(finding.figure)\(Self.offences(finding))",
            ]
        }
        let reasons = verdict.faults.map { fault -> HTML in "<li>\(fault)</li>" }
        let faults: HTML = reasons.isEmpty ? "" : "<p>Why not:</p><ul>\(reasons)</ul>"
        return """
            <section class="verdict"><h4>Verdict: \(Self.badge(verdict.answer))</h4>
            <p class="quiet">Model of the cache: \(verdict.model.description)</p>\(faults)
            \(DataTable("The six conditions", ["condition", "", "what must hold", "what was looked at"], markup: rows, textColumns: 4).html)
            </section>
            """
    }

    static func badge(_ answer: Verdict.Answer) -> HTML {
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

    private static func offences(_ finding: Verdict.Finding) -> HTML {
        guard finding.offenceCount > 0 else { return "" }
        let lines = finding.offences.map { offence -> HTML in
            let place =
                offence.address.map { " at \($0.hexadecimal), \(offence.place ?? "unknown memory")" } ?? ""
            let culprit = offence.instruction.map { ", by \($0)" } ?? ""
            return "<li><b>\(offence.rule)</b>: \(offence.sentence)\(place)\(culprit)</li>"
        }
        let first = finding.offenceCount > finding.offences.count ? ", the first" : ""
        return "<p>\(finding.offenceCount.groupedOf("offence"))\(first):</p><ul>\(lines)</ul>"
    }
}
