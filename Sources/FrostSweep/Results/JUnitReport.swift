import FrostFormat
import FrostMachine
import FrostSupport

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
        let counts: KeyValuePairs = [
            "tests": "\(cases.count)", "failures": "\(failures)", "errors": "\(report.count(.broken))",
            "skipped": "\(report.count(.skipped))", "time": report.wallSeconds.formatted(places: 3),
        ]
        var suites = Markup("testsuites", ["name": "frost sweep"])
        var suite = Markup("testsuite", ["name": report.title], cases)
        suites.attributes += counts.map { ($0, $1) }
        suite.attributes += counts.map { ($0, $1) }
        suites.content = [suite]
        return "<?xml version='1.0' encoding='UTF-8'?>\n\(suites)\n"
    }

    private func testcase(_ result: SweepResult, _ regressions: [SweepComparison.Difference]) -> Markup {
        let reason = result.reason ?? ""
        let inner: Markup? =
            switch result.outcome {
            case .passed where regressions.isEmpty: nil
            case .passed: Markup("failure", ["message": Self.words(regressions), "type": "regression"])
            case .failed: Markup("failure", ["message": reason, "type": result.ending?.rawValue ?? "failed"])
            case .skipped: Markup("skipped", ["message": reason])
            case .broken: Markup("error", ["message": reason, "type": "broken"])
            }
        return Markup(
            "testcase",
            [
                "classname": "\(report.title).\(result.cell.platform.rawValue)", "name": result.name,
                "time": (result.wallSeconds ?? 0).formatted(places: 3),
            ], inner.map { [$0] } ?? [])
    }

    private static func words(_ regressions: [SweepComparison.Difference]) -> String {
        regressions.map { "\($0.metric) \($0.new), was \($0.old), allowed \($0.allowed)" }.joined(
            separator: "; ")
    }
}
