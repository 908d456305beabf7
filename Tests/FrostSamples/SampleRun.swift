package import Foundation
package import FrostCore
package import FrostFormat
package import FrostMachine
import FrostSupport

/// A run of known numbers, written as `frost run` writes one.
package struct SampleRun {
    package var every: UInt64
    package var engine: image_engine
    package var slots: UInt64
    package var clock: RunClock
    package var imagePath: String
    /// Misses, each opening a page that takes 40 of its 100 ticks, evenly over 100,000 ticks.
    package var misses: UInt64
    /// Of opening pages while the guest was set up: in the sums alone.
    package var ticksBeforeLaunch: UInt64
    package var hasEnd: Bool
    package var extra: [trace_record]

    package init(
        every: UInt64 = 1, engine: image_engine = ENGINE_SVM, slots: UInt64 = 100,
        clock: RunClock = RunClock(unit: .cycles, ticksPerSecond: 1e9), imagePath: String = "/tmp/sample.img",
        misses: UInt64 = 10, ticksBeforeLaunch: UInt64 = 0, hasEnd: Bool = true, extra: [trace_record] = []
    ) {
        (self.every, self.engine, self.slots, self.clock) = (every, engine, slots, clock)
        (self.imagePath, self.misses, self.ticksBeforeLaunch) = (imagePath, misses, ticksBeforeLaunch)
        (self.hasEnd, self.extra) = (hasEnd, extra)
    }

    package static let launch: UInt64 = 1_000
    static let length: UInt64 = 100_000

    package var records: [trace_record] {
        typealias T = TraceBytes
        func fact(_ fact: TraceFact, _ value: UInt64) -> trace_record {
            T.record(.fact, detail: fact.number, value: value)
        }
        var records = [
            fact(.format, UInt64(TRACE_FORMAT)), fact(.engine, UInt64(engine.rawValue)), fact(.slots, slots),
            fact(.frozenBytes, 8 << 20), fact(.traceEvery, every),
            T.record(.freeze, detail: FREEZE_FIT.rawValue, cycles: 500, at: 900),
            T.record(.launch, at: Self.launch),
        ]
        for miss in stride(from: 0, to: every == 0 ? 0 : misses, by: Int(max(every, 1))) {
            let end = Self.launch + (miss + 1) * (Self.length / (misses + 1))
            records.append(
                T.record(.open, detail: PAGE_SEALED.rawValue, value: miss, cycles: 40, at: end - 20))
            records.append(
                T.record(.miss, detail: MISS_WRITE.rawValue, value: miss << 12, cycles: 100, at: end))
        }
        records += extra
        guard hasEnd else { return records }
        let counts: [TraceCounter: (UInt64, UInt64)] = [
            .miss: (misses, misses * 100), .openSealed: (misses, misses * 40 + ticksBeforeLaunch),
        ]
        records += TraceCounter.allCases.map { counter in
            let (events, ticks) = counts[counter] ?? (0, 0)
            return T.record(.count, detail: counter.rawValue, value: events, cycles: ticks)
        }
        let end = T.record(.end, detail: ENDING_POWER_OFF.rawValue, at: Self.launch + Self.length)
        return records + [end]
    }

    package var trace: Trace { Trace(decoding: TraceBytes.capture(records)) }

    package func write(to folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let files = RunFolder(folder)
        try Data(TraceBytes.capture(records)).write(to: files.trace)
        let report = RunReport(
            image: .init(
                path: imagePath, ramBytes: 1 << 30, frozenBase: 1 << 29, frozenBytes: 8 << 20, freeze: .fit,
                engine: .any, policy: .clock),
            platform: .qemuTCG, clock: clock, commandLine: "qemu-system-x86_64 -m 1024", ending: .powerOff,
            end: "the guest powered the machine off", exitCode: 0, wallSeconds: 1.25, userSeconds: 1,
            slots: slots, counts: hasEnd ? ["miss": misses] : [:], unmet: [], warnings: [])
        try Data(JSON.text(report).utf8).write(to: files.report)
    }
}
