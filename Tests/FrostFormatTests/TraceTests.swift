import FrostCore
@testable import FrostFormat
import FrostSamples
import FrostSupport
import Testing

@Suite struct TraceTests {
    @Test("A record survives the trip from C memory to Swift")
    func roundTrip() throws {
        let sent = TraceBytes.record(.miss, detail: 1, value: 0x2000, cycles: 77)
        let trace = Trace(decoding: TraceBytes.frame(0, sent))
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
        #expect(PANIC_TPM.rawValue == UInt32(PanicCode.allCases.count))
    }

    @Test(
        "Noise between frames is counted, and no record is lost to it",
        arguments: [
            [0x00], [0xF5], [0xF5, 0x7A], [0xF5, 0xF5, 0x7A, 0x7A], Array("panic!\r\n".utf8),
        ] as [[UInt8]])
    func noise(noise: [UInt8]) {
        let first = TraceBytes.frame(0, TraceBytes.record(.launch))
        let second = TraceBytes.frame(1, TraceBytes.record(.miss, value: 1))
        let trace = Trace(decoding: noise + first + noise + second)
        #expect(trace.records.map(\.kind) == [.launch, .miss])
        #expect(trace.noiseBytes == noise.count, "what comes before the first frame is the firmware's")
        #expect(trace.lostFrames == 0)
    }

    @Test("A frame with any bit wrong is not believed")
    func damage() {
        let good = TraceBytes.frame(0, TraceBytes.record(.miss, value: 5))
        for bit in 0..<good.count * 8 {
            var bad = good
            bad[bit / 8] ^= 1 << (bit % 8)
            #expect(Trace(decoding: bad).records.isEmpty)
        }
    }

    @Test("Missing sequence numbers are lost frames, also across the wrap")
    func lost() {
        let records = [0, 1, 5, 6].flatMap { TraceBytes.frame($0, TraceBytes.record(.launch)) }
        #expect(Trace(decoding: records).lostFrames == 3)
        var reader = TraceReader()
        for sequence in 0...UInt32(UInt16.max) + 3 {
            reader.feed(TraceBytes.frame(UInt16(truncatingIfNeeded: sequence), TraceBytes.record(.drop)))
        }
        #expect(reader.trace.lostFrames == 0)
    }

    @Test("A capture cut mid-frame says how many bytes are left", arguments: [1, 2, 39])
    func truncated(extra: Int) {
        let whole = TraceBytes.frame(0, TraceBytes.record(.launch))
        let trace = Trace(decoding: whole + TraceBytes.frame(1, TraceBytes.record(.end)).prefix(extra))
        #expect(trace.records.count == 1)
        #expect(trace.partialBytes == extra)
        #expect(trace.ending == nil)
    }

    @Test("Fed byte by byte, the same trace comes out")
    func streaming() {
        let bytes =
            [9, 9]
            + TraceBytes.capture([
                TraceBytes.record(.launch), TraceBytes.record(.open), TraceBytes.record(.end),
            ])
        var reader = TraceReader()
        for byte in bytes { reader.feed([byte]) }
        #expect(reader.trace == Trace(decoding: bytes))
    }

    @Test("Endings are told by the end record, and a panic by the one before")
    func endings() {
        func ending(_ records: [trace_record]) -> RunEnding? {
            Trace(decoding: TraceBytes.capture(records)).ending
        }
        #expect(
            ending([TraceBytes.record(.end, detail: ENDING_POWER_OFF.rawValue)]) == .powerOff(sleepType: 0))
        #expect(
            ending([TraceBytes.record(.end, detail: ENDING_RESET.rawValue, value: 0x64)])
                == .reset(port: 0x64))
        #expect(ending([TraceBytes.record(.end, detail: ENDING_TRIPLE_FAULT.rawValue)]) == .tripleFault)
        let panic = TraceBytes.record(.panic, detail: PANIC_INTEGRITY.rawValue, value: 9, level: 1)
        let end = TraceBytes.record(.end, detail: ENDING_PANIC.rawValue)
        #expect(ending([panic, end]) == .panic(code: .integrity, value: 9, level: 1))
        let stray = TraceBytes.record(.panic, detail: PANIC_STRAY.rawValue, value: 9, level: 255)
        #expect(ending([stray, end]) == .panic(code: .stray, value: 9, level: nil))
        #expect(ending([TraceBytes.record(.launch)]) == nil)
    }
}
