import Foundation
import FrostSupport
@testable import FrostSweep
import Testing
#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct SweepReportTests {
    private func result(
        _ name: String, misses: UInt64 = 100, seconds: Double = 1, slots: UInt64 = 50,
        outcome: SweepResult.Outcome = .passed, reason: String? = nil, repetition: Int = 1
    ) -> SweepResult {
        var cell = SweepCell(image: "hello")
        cell.repetition = repetition
        let own = repetition > 1 ? "\(name)-\(repetition)" : name
        var result = SweepResult(
            .init(name: own, base: name, cell: cell), definition: "", outcome: outcome, reason: reason)
        (result.counts, result.userSeconds, result.slots) = (["miss": misses], seconds, slots)
        result.wallSeconds = 2
        return result
    }

    private func report(_ results: [SweepResult]) -> SweepReport {
        SweepReport(
            title: "trial & error", cells: results, of: results.count, wallSeconds: 3, isInterrupted: false)
    }

    private func compare(
        _ new: SweepResult..., with old: SweepResult..., tolerances: [SweepMetric: SweepTolerance] = [:]
    ) -> SweepComparison {
        SweepComparison(report(new).cells, baseline: report(old).cells, tolerances: tolerances)
    }

    @Test("More misses than allowed are a regression that names cell, metric, old, new and what was allowed")
    func regression() {
        let found = compare(result("a", misses: 1021), with: result("a", misses: 1000))
        #expect(
            found.regressions == [
                .init(cell: "a", metric: "misses", old: "1000", new: "1021", allowed: "1020")
            ])
        #expect(compare(result("a", misses: 1020), with: result("a", misses: 1000)).regressions.isEmpty)
        let strict = [SweepMetric.misses: SweepTolerance(share: 0)]
        #expect(
            compare(result("a", misses: 1001), with: result("a", misses: 1000), tolerances: strict)
                .regressions
                .count == 1)
        #expect(compare(result("a", misses: 900), with: result("a", misses: 1000)).improvements.count == 1)
        #expect(compare(result("a", misses: 14), with: result("a", misses: 10)).regressions.isEmpty)
        #expect(compare(result("a", misses: 15), with: result("a", misses: 10)).regressions.count == 1)
    }

    @Test("Slots are exact both ways, CPU time is not")
    func kinds() {
        for slots: UInt64 in [49, 51] {
            #expect(
                compare(result("a", slots: slots), with: result("a")).regressions.map(\.metric) == ["slots"])
        }
        #expect(compare(result("a", seconds: 14), with: result("a", seconds: 10)).regressions.isEmpty)
        #expect(
            compare(result("a", seconds: 16), with: result("a", seconds: 10)).regressions.map(\.metric)
                == ["user-seconds"])
    }

    @Test("A cell that passed must pass; cells that one side lacks are told of")
    func outcomes() {
        let found = compare(
            result("a", outcome: .skipped), result("new"), with: result("a"), result("gone"))
        #expect(found.regressions.contains { $0.metric == "outcome" && $0.new == "skipped" })
        #expect(found.notes == ["new is not in the baseline.", "gone of the baseline was not run."])
        #expect(found.compared == 1)
    }

    @Test("Repetitions are one: their least time, their middle count")
    func repetitions() {
        let found = compare(
            result("a", misses: 100, seconds: 90), result("a", misses: 900, seconds: 1, repetition: 2),
            result("a", misses: 100, seconds: 90, repetition: 3), with: result("a"))
        #expect(found.compared == 1 && found.regressions.isEmpty && found.notes.isEmpty)
    }

    @Test("The exit code says what matters most")
    func exitCodes() {
        #expect(report([result("a"), result("b", outcome: .skipped)]).exitCode == .asAsked)
        #expect(report([result("a", outcome: .broken)]).exitCode == .unavailable)
        #expect(
            report([result("a", outcome: .failed), result("b", outcome: .broken)]).exitCode == .otherwise)
        var worse = report([result("a", misses: 1021)])
        worse.comparison = compare(result("a", misses: 1021), with: result("a", misses: 1000))
        #expect(worse.exitCode == .regression && FrostSupport.ExitCode.regression.rawValue == 3)
        worse.isInterrupted = true
        #expect(worse.exitCode == .interrupted)
        #expect("\(worse)".contains("1021"))
    }

    @Test(
        "A tolerance that cannot be read is refused",
        arguments: [
            "", "misses", "misses=2", "missses=2%", "misses=-1%", "misses=nan%", "misses=1%,misses=2%",
        ])
    func badTolerances(text: String) {
        #expect(throws: SweepTolerance.Failure.self) { try SweepTolerance.parse(text) }
    }

    @Test("Tolerances are shares of the old value")
    func tolerances() throws {
        #expect(
            try SweepTolerance.parse("misses=2.5%,user-seconds=50%")
                == [.misses: .init(share: 0.025), .userSeconds: .init(share: 0.5)])
    }

    /// Reads XML with a parser that is not ours.
    private final class Reader: NSObject, XMLParserDelegate {
        var elements: [(name: String, attributes: [String: String])] = []

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            elements.append((name, attributes))
        }
    }

    @Test("JUnit's XML has a test case for each cell, whatever the reasons are made of")
    func junit() throws {
        let reason = "<said> \"1 & 2\"\u{1B}[0m\u{FFFF}\nline\ttwo\r"
        var report = report([
            result("good"), result("bad", outcome: .failed, reason: reason),
            result("absent", outcome: .skipped, reason: "no Bochs"), result("worse", misses: 500),
            result("odd", outcome: .broken, reason: "gone"),
        ])
        report.comparison = compare(result("worse", misses: 500), with: result("worse"))
        let reader = Reader()
        let parser = XMLParser(data: Data(JUnitReport(report).xml.utf8))
        parser.delegate = reader
        #expect(parser.parse(), Comment(rawValue: "\(String(describing: parser.parserError))"))
        let suite = try #require(reader.elements.first { $0.name == "testsuite" }).attributes
        #expect(suite["name"] == "trial & error" && suite["tests"] == "5" && suite["failures"] == "2")
        #expect(suite["skipped"] == "1" && suite["errors"] == "1")
        #expect(
            reader.elements.filter { $0.name == "testcase" }.map { $0.attributes["name"] }
                == ["good", "bad", "absent", "worse", "odd"])
        let failures = reader.elements.filter { $0.name == "failure" }.map { $0.attributes["message"] ?? "" }
        #expect(
            failures == [
                "<said> \"1 & 2\"\u{FFFD}[0m\u{FFFD}\nline\ttwo\r", "misses 500, was 100, allowed 104",
            ])
        #expect(reader.elements.first { $0.name == "skipped" }?.attributes["message"] == "no Bochs")
        #expect(reader.elements.contains { $0.name == "error" })
    }

    @Test("A baseline is a sweep.json, and nothing else")
    func baseline() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "frost-test-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        #expect(throws: SweepReport.Failure.missing(file.plainPath)) { try SweepReport(reading: file) }
        try Data("{}".utf8).write(to: file)
        #expect(throws: SweepReport.Failure.foreign(file.plainPath)) { try SweepReport(reading: file) }
        try Data(JSON.text(report([result("a")])).utf8).write(to: file)
        #expect(try SweepReport(reading: file).cells.map(\.name) == ["a"])
    }
}
