import FrostCore
@testable import FrostKit
import Testing

@Suite struct TraceTests {
    static func frame(_ sequence: UInt16, _ record: trace_record) -> [UInt8] {
        var frame = trace_frame()
        frame.sync = UInt16(TRACE_SYNC)
        frame.sequence = sequence
        frame.record = record
        let number = withUnsafeBytes(of: frame.sequence) { crc32(0, $0.baseAddress, $0.count) }
        frame.checksum = withUnsafeBytes(of: record) { crc32(number, $0.baseAddress, $0.count) }
        return [UInt8](memoryOf: frame)
    }

    static func record(
        _ kind: TraceRecord.Kind, detail: UInt32 = 0, value: UInt64 = 0, cycles: UInt64 = 0, level: UInt8 = 0,
        at tsc: UInt64 = 1
    ) -> trace_record {
        trace_record(
            tsc: tsc, value: value, cycles: cycles, detail: detail, reserved: 0, level: level,
            kind: kind.rawValue)
    }

    static func capture(_ records: [trace_record]) -> [UInt8] {
        records.enumerated().flatMap { frame(UInt16($0.offset), $0.element) }
    }

    @Test("A record survives the trip from C memory to Swift")
    func roundTrip() throws {
        let sent = Self.record(.miss, detail: 1, value: 0x2000, cycles: 77)
        let trace = Trace(decoding: Self.frame(0, sent))
        #expect(trace.records == [try #require(TraceRecord(sent))])
        #expect(trace.records.first?.value == 0x2000)
        #expect(trace.lostFrames == 0 && trace.noiseBytes == 0 && trace.partialBytes == 0)
    }

    @Test("The numbers of kinds are those of the C header")
    func kinds() {
        let numbers = [
            TRACE_FACT, TRACE_FREEZE, TRACE_LAUNCH, TRACE_MISS, TRACE_OPEN, TRACE_SEAL, TRACE_DROP,
            TRACE_EXIT,
            TRACE_COUNT, TRACE_PANIC, TRACE_END,
        ].map(\.rawValue)
        #expect(TraceRecord.Kind.allCases.map(\.rawValue) == numbers)
        #expect(TraceCounter.miss.rawValue == COUNT_MISS.rawValue)
        #expect(TraceCounter.metadataOpen.rawValue == COUNT_META_OPEN.rawValue)
        #expect(TraceCounter.exitCPUID.rawValue == COUNT_EXIT_CPUID.rawValue)
        #expect(TraceCounter.reinject.rawValue == COUNT_REINJECT.rawValue)
        #expect(TraceCounter.allCases.count == Int(COUNT_END.rawValue) - 1)
        #expect(TraceFact.allCases.map(\.number) == Array(1...UInt32(TraceFact.allCases.count)))
        #expect(PanicCode.allCases.map(\.number) == Array(1...UInt32(PanicCode.allCases.count)))
        #expect(PANIC_STATE.rawValue == UInt32(PanicCode.allCases.count))
    }

    @Test(
        "Noise between frames is counted, and no record is lost to it",
        arguments: [
            [0x00], [0xF5], [0xF5, 0x7A], [0xF5, 0xF5, 0x7A, 0x7A], Array("panic!\r\n".utf8),
        ] as [[UInt8]])
    func noise(noise: [UInt8]) {
        let first = Self.frame(0, Self.record(.launch))
        let second = Self.frame(1, Self.record(.miss, value: 1))
        let trace = Trace(decoding: noise + first + noise + second)
        #expect(trace.records.map(\.kind) == [.launch, .miss])
        #expect(trace.noiseBytes == 2 * noise.count)
        #expect(trace.lostFrames == 0)
    }

    @Test("A frame with any bit wrong is not believed")
    func damage() {
        let good = Self.frame(0, Self.record(.miss, value: 5))
        for bit in 0..<good.count * 8 {
            var bad = good
            bad[bit / 8] ^= 1 << (bit % 8)
            #expect(Trace(decoding: bad).records.isEmpty)
        }
    }

    @Test("Missing sequence numbers are lost frames, also across the wrap")
    func lost() {
        let records = [0, 1, 5, 6].flatMap { Self.frame($0, Self.record(.launch)) }
        #expect(Trace(decoding: records).lostFrames == 3)
        var reader = TraceReader()
        for sequence in 0...UInt32(UInt16.max) + 3 {
            reader.feed(Self.frame(UInt16(truncatingIfNeeded: sequence), Self.record(.drop)))
        }
        #expect(reader.trace.lostFrames == 0)
    }

    @Test("A capture cut mid-frame says how many bytes are left", arguments: [1, 2, 39])
    func truncated(extra: Int) {
        let whole = Self.frame(0, Self.record(.launch))
        let trace = Trace(decoding: whole + Self.frame(1, Self.record(.end)).prefix(extra))
        #expect(trace.records.count == 1)
        #expect(trace.partialBytes == extra)
        #expect(trace.ending == nil)
        #expect(TraceSummary(trace).end.contains("no end record"))
    }

    @Test("Fed byte by byte, the same trace comes out")
    func streaming() {
        let bytes = [9, 9] + Self.capture([Self.record(.launch), Self.record(.open), Self.record(.end)])
        var reader = TraceReader()
        for byte in bytes { reader.feed([byte]) }
        #expect(reader.trace == Trace(decoding: bytes))
    }

    @Test("Endings are told by the end record, and a panic by the one before")
    func endings() {
        func ending(_ records: [trace_record]) -> RunEnding? { Trace(decoding: Self.capture(records)).ending }
        #expect(ending([Self.record(.end, detail: ENDING_POWER_OFF.rawValue)]) == .powerOff(sleepType: 0))
        #expect(
            ending([Self.record(.end, detail: ENDING_RESET.rawValue, value: 0x64)]) == .reset(port: 0x64))
        #expect(ending([Self.record(.end, detail: ENDING_TRIPLE_FAULT.rawValue)]) == .tripleFault)
        let panic = Self.record(.panic, detail: PANIC_INTEGRITY.rawValue, value: 9, level: 1)
        let end = Self.record(.end, detail: ENDING_PANIC.rawValue)
        #expect(ending([panic, end]) == .panic(code: .integrity, value: 9, level: 1))
        let stray = Self.record(.panic, detail: PANIC_STRAY.rawValue, value: 9, level: 255)
        #expect(ending([stray, end]) == .panic(code: .stray, value: 9, level: nil))
        #expect(ending([Self.record(.launch)]) == nil)
    }

    @Test("A summary keeps exact counts and sampled timings apart")
    func summary() throws {
        let misses = (1...100).map { Self.record(.miss, cycles: UInt64($0)) }
        let trace = Trace(
            decoding: Self.capture(
                [Self.record(.fact, detail: FACT_TRACE_EVERY.rawValue, value: 16)] + misses + [
                    Self.record(.open, detail: PAGE_BLANK.rawValue, cycles: 3),
                    Self.record(.seal, cycles: 4, level: 1),
                    Self.record(.count, detail: COUNT_MISS.rawValue, value: 1600, cycles: 16000),
                    Self.record(.end, detail: ENDING_POWER_OFF.rawValue),
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
}
