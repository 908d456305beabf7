/// A sweep as continuous integration reads results.
///
/// - Source: the form that Jenkins, GitLab and others read: `testsuites` of `testsuite` of `testcase`, each with
///   `failure`, `error` or `skipped`.
struct JUnitReport {
    private let report: SweepReport

    init(_ report: SweepReport) {
        self.report = report
    }

    var xml: String {
        let regressions = Dictionary(grouping: report.comparison?.regressions ?? [], by: \.cell)
        let cases = report.cells.map { testcase($0, regressions[$0.base] ?? []) }
        let failures = report.cells.count {
            $0.outcome == .failed || $0.outcome == .passed && regressions[$0.base] != nil
        }
        let counts = """
            tests="\(cases.count)" failures="\(failures)" errors="\(report.count(.broken))" \
            skipped="\(report.count(.skipped))" time="\(report.wallSeconds.formatted(places: 3))"
            """
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="frost sweep" \(counts)>
              <testsuite name="\(Self.escaped(report.title))" \(counts)>
            \(cases.joined(separator: "\n"))
              </testsuite>
            </testsuites>

            """
    }

    private func testcase(_ result: SweepResult, _ regressions: [SweepComparison.Difference]) -> String {
        let head = """
                <testcase classname="\(Self.escaped("\(report.title).\(result.cell.platform.rawValue)"))" \
            name="\(Self.escaped(result.name))" time="\((result.wallSeconds ?? 0).formatted(places: 3))"
            """
        let reason = Self.escaped(result.reason ?? "")
        var inner =
            switch result.outcome {
            case .passed: [String]()
            case .failed: ["<failure message=\"\(reason)\" type=\"\(result.ending?.rawValue ?? "failed")\"/>"]
            case .skipped: ["<skipped message=\"\(reason)\"/>"]
            case .broken: ["<error message=\"\(reason)\" type=\"broken\"/>"]
            }
        if !regressions.isEmpty && result.outcome == .passed {
            let words = regressions.map { "\($0.metric) \($0.new), was \($0.old), allowed \($0.allowed)" }
            inner.append(
                "<failure message=\"\(Self.escaped(words.joined(separator: "; ")))\" type=\"regression\"/>")
        }
        guard !inner.isEmpty else { return head + "/>" }
        return ([head + ">"] + inner.map { "      \($0)" } + ["    </testcase>"]).joined(separator: "\n")
    }

    /// XML 1.0 has no control characters, not even escaped ones.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "\n": escaped += "&#10;"
            case "\t": escaped += "&#9;"
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
                escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
