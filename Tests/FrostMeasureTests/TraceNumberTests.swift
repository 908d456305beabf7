import Foundation
import FrostCore
import FrostFormat
@testable import FrostMachine
@testable import FrostMeasure
import FrostSamples
import FrostSupport
import Testing

@Suite struct TraceNumberTests {
    @Test(
        "Shares of the run's time come from the exact counts, sampled or not",
        arguments: [0, 1, 2, 5] as [UInt64])
    func shares(every: UInt64) throws {
        let summary = TraceSummary(
            SampleRun(every: every).trace, clock: .init(unit: .cycles, ticksPerSecond: 1e6))
        let span = try #require(summary.span)
        #expect((span.start, span.ticks, span.seconds) == (1_000, 100_000, 0.1))
        let shares = try #require(span.shares)
        #expect(shares.hypervisor == 0.01)
        #expect(shares.cipher == 0.004)
        #expect(shares.blanking == 0)
        #expect(summary.share(of: .miss) == 0.01)
        #expect((summary.timeline == nil) == (every == 0))
        #expect(summary.freezeTicks == 500)
    }

    @Test(
        "What was done before the guest's first instruction is no share of its run, where it can be told apart"
    )
    func before() {
        func cipher(every: UInt64) -> Double? {
            let run = SampleRun(every: every, ticksBeforeLaunch: 200_000)
            return TraceSummary(run.trace, clock: .unknown).span?.shares?.cipher
        }
        #expect(cipher(every: 1) == 0.004)
        #expect(cipher(every: 2) == 2.004)
    }

    @Test("A timeline is exact when every exit was recorded, and scaled to the counts when not")
    func timeline() throws {
        let exact = try #require(TraceTimeline(SampleRun(every: 1, misses: 100).trace, bins: 10))
        #expect(exact.isExact)
        #expect(exact.misses.reduce(0, +) == 100)
        #expect(exact.misses.allSatisfy { (9...11).contains($0) })
        #expect(exact.resident?.last == 100)
        #expect(exact.resident == exact.resident?.sorted())
        #expect(exact.hypervisor.allSatisfy { abs($0 - 0.1) < 0.011 })

        let sampled = try #require(TraceTimeline(SampleRun(every: 4, misses: 100).trace, bins: 10))
        #expect(!sampled.isExact)
        // With their types: to find these takes the compiler ten seconds.
        let misses: Double = sampled.misses.reduce(0, +), resident: Double = sampled.resident?.last ?? 0
        let time: Double = sampled.hypervisor.reduce(0, +), exactTime: Double = exact.hypervisor.reduce(0, +)
        #expect(abs(misses - 100) < 1e-9)
        #expect(abs(resident - 100) < 1e-9)
        #expect(abs(time - exactTime) < 0.02)
    }

    @Test("Pages that were resident before the first sampled exit are counted back from the end")
    func residentAtStart() throws {
        var run = SampleRun(misses: 10)
        // Five evictions more than openings: so there were pages before.
        run.extra = (1...5).map { TraceBytes.record(.drop, at: 50_000 + $0) }
        var records = run.records
        let drops = try #require(
            records.lastIndex {
                $0.kind == TraceRecord.Kind.count.rawValue && $0.detail == TraceCounter.drop.rawValue
            })
        records[drops].value = 5
        let opens = try #require(
            records.lastIndex {
                $0.kind == TraceRecord.Kind.count.rawValue && $0.detail == TraceCounter.openSealed.rawValue
            })
        records[opens].value = 30
        let timeline = try #require(
            TraceTimeline(Trace(decoding: TraceBytes.capture(records)), bins: 100))
        #expect(timeline.resident?.first == 20)
        #expect(timeline.resident?.last == 25)
    }

    @Test("No record is of a counter of which the hypervisor knows nothing, and none is forgotten")
    func counters() throws {
        func counter(_ record: trace_record) throws -> TraceCounter? {
            TraceCounter(try #require(TraceRecord(record)))
        }
        #expect(
            try counter(TraceBytes.record(.miss, detail: MISS_SOFT.rawValue | MISS_WRITE.rawValue))
                == .softMiss)
        #expect(try counter(TraceBytes.record(.miss, detail: MISS_DEVICE.rawValue)) == .deviceMiss)
        #expect(try counter(TraceBytes.record(.miss, detail: MISS_ABSENT.rawValue)) == .absentMiss)
        #expect(try counter(TraceBytes.record(.miss, detail: MISS_SHARED.rawValue)) == .sharedMiss)
        #expect(try counter(TraceBytes.record(.miss, detail: MISS_FETCH.rawValue)) == .miss)
        #expect(
            try counter(TraceBytes.record(.open, detail: PAGE_BLANK.rawValue, level: 2)) == .metadataBlank)
        #expect(try counter(TraceBytes.record(.open, detail: PAGE_IMAGED.rawValue)) == .openImaged)
        #expect(try counter(TraceBytes.record(.drop, level: 1)) == .metadataDrop)
        #expect(try counter(TraceBytes.record(.exit, detail: COUNT_EXIT_PORT.rawValue)) == .exitPort)
        #expect(try counter(TraceBytes.record(.exit, detail: 9999)) == nil)
        #expect(try counter(TraceBytes.record(.end)) == nil)
    }

    @Test("Without an end record there are percentiles, and it says why there is nothing more")
    func noEnd() {
        let summary = TraceSummary(SampleRun(hasEnd: false).trace)
        #expect(summary.span?.shares == nil)
        #expect(summary.timing(.miss)?.p50 == 100)
        #expect(summary.timeline?.resident == nil)
        #expect(summary.description.contains("No counts: the trace has no end record"))
    }

    @Test("The unit of time is the run's")
    func unit() {
        let clock = RunClock(unit: .instructions, ticksPerSecond: 1e9)
        let text = TraceSummary(SampleRun().trace, clock: clock).description
        #expect(text.contains("in instructions") && !text.contains("cycles"))
        #expect(text.contains("100 µs from the guest's first instruction"))
    }

    @Test(
        "Numbers for readers",
        arguments: [
            (0, "0"), (1, "1"), (999, "999"), (1000, "1.00 k"), (12_345, "12.3 k"), (999_499, "999 k"),
            (999_500, "1.00 M"), (9_999_999, "10.0 M"),
        ] as [(Double, String)])
    func scaled(value: Double, text: String) {
        #expect(value.scaled() == text)
    }

    @Test("Numbers for readers, with units and groups")
    func units() {
        #expect(0.000_012_3.scaled("s") == "12.3 µs")
        #expect(0.25.scaled("s") == "250 ms")
        #expect(2.1e9.scaled("Hz") == "2.10 GHz")
        #expect(
            [0, 12, 999, 1000, 65_536, 1_234_567, -1000].map(\.grouped) == [
                "0", "12", "999", "1,000", "65,536", "1,234,567", "-1,000",
            ])
    }

    // MARK: comparison

    private func compared(_ first: SampleRun, _ second: SampleRun) throws -> TraceComparison {
        let scratch = try Scratch()
        let folders = ["one", "two"].map { scratch.url.appending(path: $0) }
        try first.write(to: folders[0])
        try second.write(to: folders[1])
        return TraceComparison(try RecordedRun(reading: folders[0]), try RecordedRun(reading: folders[1]))
    }

    @Test("Two equal runs have nothing between them")
    func equal() throws {
        let comparison = try compared(SampleRun(), SampleRun())
        #expect(comparison.differences.isEmpty)
        #expect(comparison.rows.map(\.kind) == ["run", "miss", "openSealed"])
        #expect(comparison.rows.allSatisfy { $0.events?.ratio ?? 1 == 1 && $0.p50?.ratio ?? 1 == 1 })
        #expect(comparison.description.contains("Nothing in their configuration"))
    }

    @Test("What changed most comes first, and what was configured otherwise is said")
    func changed() throws {
        var second = SampleRun(engine: ENGINE_VMX, slots: 90)
        second.extra = [TraceBytes.record(.exit, detail: COUNT_EXIT_CPUID.rawValue, cycles: 7, at: 2_000)]
        second.misses = 1000
        let comparison = try compared(SampleRun(), second)
        #expect(comparison.rows.map(\.kind).prefix(2) == ["run", "miss"])
        #expect(comparison.rows[1].events?.ratio == 100)
        #expect(comparison.rows[1].p50?.ratio == 1)
        #expect(
            comparison.differences == [
                .init(name: "engine", first: "svm", second: "vmx"),
                .init(name: "slots", first: "100", second: "90"),
            ])
        let text = comparison.description
        #expect(text.contains("x100.00"))
        #expect(text.contains("engine") && text.contains("vmx"))
    }

    @Test("Cycles are not held against instructions")
    func otherUnit() throws {
        let comparison = try compared(SampleRun(), SampleRun(clock: .init(unit: .instructions)))
        #expect(!comparison.hasSameUnit)
        #expect(comparison.rows.allSatisfy { $0.ticks == nil && $0.p50 == nil })
        #expect(comparison.description.contains("Times are not compared"))
    }

    @Test("A damaged run.json is named")
    func damaged() throws {
        let scratch = try Scratch()
        try SampleRun().write(to: scratch.url)
        let report = RunFolder(scratch.url).report
        try Data("{".utf8).write(to: report)
        #expect(throws: RecordedRun.Failure.damaged(report.plainPath)) {
            try RecordedRun(reading: scratch.url)
        }
    }

    @Test("A summary keeps exact counts and sampled timings apart")
    func summary() throws {
        let misses = (1...100).map { TraceBytes.record(.miss, cycles: UInt64($0)) }
        let trace = Trace(
            decoding: TraceBytes.capture(
                [TraceBytes.record(.fact, detail: FACT_TRACE_EVERY.rawValue, value: 16)] + misses + [
                    TraceBytes.record(.open, detail: PAGE_BLANK.rawValue, cycles: 3),
                    TraceBytes.record(.seal, cycles: 4, level: 1),
                    TraceBytes.record(.count, detail: COUNT_MISS.rawValue, value: 1600, cycles: 16000),
                    TraceBytes.record(.end, detail: ENDING_POWER_OFF.rawValue),
                ]))
        let summary = TraceSummary(trace)
        #expect(summary.sampledOneIn == 16)
        #expect(summary.counts["miss"] == .init(events: 1600, ticks: 16000))
        let spread = try #require(summary.timings["miss"])
        #expect((spread.samples, spread.p50, spread.p90, spread.p99, spread.max) == (100, 50, 90, 99, 100))
        #expect(summary.timings["openBlank"]?.max == 3)
        #expect(summary.timings["metadataSeal"]?.max == 4)
        #expect(summary.description.contains("one exit in 16"))
    }

    @Test("Whatever numbers a trace has, it can be shown and exported")
    func anyNumbers() throws {
        let edges: [UInt64] = [0, 1, 1 << 53, 1 << 63, .max - 1, .max]
        for (value, cycles) in edges.flatMap({ value in edges.map { (value, $0) } }) {
            var records = TraceFact.allCases.filter { $0 != .format }.map {
                TraceBytes.record(.fact, detail: $0.number, value: value)
            }
            records.append(TraceBytes.record(.launch, at: 2))
            for every in [value, 1] {
                let detail = TraceFact.traceEvery.number
                records.append(TraceBytes.record(.fact, detail: detail, value: every))
                for kind in TraceRecord.Kind.allCases where kind != .fact {
                    records.append(TraceBytes.record(kind, value: value, cycles: cycles, at: max(3, cycles)))
                }
                for counter in TraceCounter.allCases {
                    records.append(
                        TraceBytes.record(
                            .count, detail: counter.rawValue, value: value, cycles: cycles, at: .max))
                }
                let scratch = try Scratch()
                let file = scratch.url.appending(path: "trace.bin")
                try Data(TraceBytes.capture(records)).write(to: file)
                let run = try RecordedRun(reading: file)
                #expect(run.summary().description.contains("ending:"))
                for form in TraceExport.allCases { #expect(try !form.text(run).isEmpty) }
            }
        }
    }

    @Test("A summary of a trace that was cut says that it has no end record")
    func cut() {
        #expect(
            TraceSummary(Trace(decoding: TraceBytes.capture([TraceBytes.record(.launch)]))).end.contains(
                "no end record"))
    }
}
