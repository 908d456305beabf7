import Foundation
import FrostCore
import FrostFormat
import FrostHost
@testable import FrostMachine
@testable import FrostMeasure
@testable import FrostProof
@testable import FrostReport
import FrostSamples
import FrostSupport
@testable import FrostSweep
import Testing

@Suite struct ReportTests {
    /// What a page must not take for markup, wherever it stands.
    static let hostile = "<script>alert('x')</script>&\"\u{1B}[31m"

    static let verdict = CacheVerdict(
        answer: .leaked,
        findings: Condition.allCases.map { condition in
            let isBroken = condition == .noSecret
            return Finding(
                condition: condition, holds: isBroken ? false : condition == .noFetch ? nil : true,
                figure: "12 of \(hostile)", violationCount: isBroken ? 2 : 0,
                violations: isBroken
                    ? [
                        .init(
                            rule: "guest-secret", sentence: "It said \(hostile).", address: 0x1000,
                            instruction: hostile)
                    ]
                    : [])
        }, faults: [hostile],
        model: .init(
            preset: nil, vendor: "AMD", lineBytes: 64, sets: 64, ways: 16, slices: 1, replacement: "lru",
            seed: 1,
            usableBytes: 1 << 20, regionBytes: 1 << 20), coverage: [], limits: [], notes: [])

    static let replay = ReplayReport(
        workload: hostile, source: "touches.bin", distinctPages: 900, touches: 12_345,
        points: [(256, 9_000, 7_000), (1024, 4_000, 2_500), (4096, 1_000, 900)].map { slots, clock, optimum in
            .init(
                slots: slots, regionBytes: slots * 4096,
                misses: ["clock": clock, "fifo": clock * 5 / 4, "optimum": optimum],
                writeBacks: ["clock": clock / 2])
        })

    static let benchmark = CipherBenchmark(
        cpu: CPUFacts(), rounds: 100,
        rows: [("AES rounds only", true, 300.0), ("VAES", false, 320), ("OpenSSL <3>", false, 1100)].map {
            name, isFloor, time in
            .init(
                group: .seal, name: name, isFloor: isFloor,
                nanoseconds: .init(minimum: time, lowerQuartile: time * 1.01, median: time * 1.02))
        })

    /// A good run, one with a hostile name and everything in it, and one whose hypervisor said nothing.
    static func folders(in scratch: Scratch) throws -> [URL] {
        let folders = ["good", "<b>bad", "silent"].map { scratch.url.appending(path: $0) }
        try SampleRun(misses: 500).write(to: folders[0])
        try SampleRun(every: 4, imagePath: "/tmp/\(hostile).img", misses: 900).write(to: folders[1])
        let bad = RunFolder(folders[1])
        try Data("line\r\n\(hostile)\n".utf8).write(to: bad.console)
        try Data(JSON.text(verdict).utf8).write(to: bad.verdict)
        try Data(JSON.text(replay).utf8).write(to: bad.replay)
        try SampleRun().write(to: folders[2])
        try Data().write(to: RunFolder(folders[2]).trace)
        return folders
    }

    @Test("Whatever a guest, a path or a record says stays text")
    func escaped() throws {
        let scratch = try Scratch()
        let html = try Report(Self.folders(in: scratch)).html
        #expect(!html.contains("<script"))
        #expect(!html.contains("<b>bad"))
        #expect(!html.contains("\u{1B}"))
        #expect(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\u{FFFD}[31m"))
        #expect(html.contains("<h3>&lt;b&gt;bad</h3>"))
        #expect("\(Self.hostile)" as HTML != HTML(trusted: Self.hostile))
    }

    /// Of the silent run it is not known which engine ran: "any" comes before "svm".
    @Test("Trouble comes first, and then runs of one configuration beside each other")
    func order() throws {
        let scratch = try Scratch()
        let html = try Report(Self.folders(in: scratch)).html
        let places = try ["&lt;b&gt;bad", "silent", "good"].map { name in
            try #require(html.range(of: "<h3>\(name)</h3>")?.lowerBound, "\(name)")
        }
        #expect(places == places.sorted())
        #expect(html.contains("The hypervisor said nothing"))
    }

    @Test("A sweep shows its cells, and says which have no run", arguments: [true, false])
    func sweep(isFinished: Bool) throws {
        let scratch = try Scratch()
        let cells = scratch.url.appending(path: "cells")
        for (number, misses) in [(1, 900), (2, 300)] as [(Int, UInt64)] {
            try SampleRun(misses: misses).write(to: cells.appending(path: "hello-\(number)"))
        }
        try FileManager.default.createDirectory(
            at: cells.appending(path: "hello-10"), withIntermediateDirectories: true)
        var results = [("hello-1", .passed, nil), ("hello-11", .skipped, "no <vmx>")].map {
            (name: String, outcome: SweepResult.Outcome, reason: String?) in
            SweepResult(
                NamedCell(name: name, base: name, cell: SweepCell(image: "hello")), definition: name,
                outcome: outcome, reason: reason)
        }
        results[0].folder = "cells/hello-1"
        if isFinished {
            let report = SweepReport(title: "t", cells: results, of: 2, wallSeconds: 1, isInterrupted: false)
            try Data(JSON.text(report).utf8).write(to: SweepFolder(scratch.url).report)
        }
        let html = try Report([scratch.url]).html
        #expect(html.contains("<h3>hello-1</h3>") && html.contains("<h3>hello-2</h3>"))
        #expect(html.contains("<b>hello-10</b>: not finished: no run.json"))
        #expect(html.contains("<b>hello-11</b>: skipped: no &lt;vmx&gt;") == isFinished)
    }

    @Test("A folder that holds no run is named, with what it lacks")
    func badFolders() throws {
        let scratch = try Scratch()
        let empty = scratch.url.appending(path: "empty"), half = scratch.url.appending(path: "half")
        try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
        try SampleRun().write(to: half)
        #expect(throws: Report.Failure.noRun(empty.plainPath)) { try Report([half, empty]) }
        let missing = scratch.url.appending(path: "missing")
        #expect(throws: Report.Failure.noFolder(missing.plainPath)) { try Report([missing]) }
        let files = RunFolder(half)
        try Data("[]".utf8).write(to: files.verdict)
        #expect(throws: RecordedRun.Failure.damaged(files.verdict.plainPath)) { try Report([half]) }
        try FileManager.default.removeItem(at: files.trace)
        #expect(throws: Report.Failure.lacks(half.plainPath, "trace.bin")) { try Report([half]) }
    }

    @Test("Curves that would hide each other share a line; others keep their own")
    func curves() throws {
        func series(_ name: String, _ misses: Double) -> MissCurveChart.Series {
            .init(name: name, points: [(2_097_152, misses), (4_194_304, 5)], isMeasured: true)
        }
        let chart = try #require(
            MissCurveChart(
                [series("first", 9), series("second", 9), series("third", 8)], title: "t", note: "n",
                identifier: "i"))
        let drawing = chart.figure.drawing.text
        #expect(drawing.contains("first, and 1 more<") && drawing.contains("third<"))
        #expect(!drawing.contains("second"))
    }

    @Test("Axes end at round numbers and have a few round ticks")
    func axes() {
        let axis = Axis.linear(upTo: 1837, from: 0, to: 100)
        #expect((axis.low, axis.high) == (0, 2000))
        #expect(axis.ticks() == [0, 1000, 2000])
        #expect(axis.place(1000) == 50)
        #expect(Axis.linear(upTo: 0, from: 0, to: 1).high == 1)
        let log = Axis(scale: .logarithmic, low: 20, high: 5e6, from: 0, to: 100)
        #expect(log.ticks(6) == [100, 1000, 10_000, 100_000, 1_000_000])
        #expect(log.place(20) == 0 && log.place(5e6) == 100 && log.place(1) == 0)
        let short = Axis(scale: .logarithmic, low: 9000, high: 40_000, from: 0, to: 1)
        #expect(short.ticks() == [10_000, 20_000])
        #expect([0, 0.5, 1000, 1500, 2_000_000].map(\.tick) == ["0", "0.5", "1 k", "1.5 k", "2 M"])
    }
}
