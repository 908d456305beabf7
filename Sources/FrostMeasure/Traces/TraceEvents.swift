import FrostCore
import FrostFormat
import FrostMachine
import FrostSupport

/// A trace in the Trace Event Format: a process with a lane for what the hypervisor did, and counters.
///
/// - Units: microseconds since the first thing that is shown, as Perfetto drops what is before 0; where the clock's rate
///   is unknown, a tick counts as a nanosecond.
/// - Source: "Trace Event Format" (Chromium project): metadata, complete, instant and counter events; Perfetto,
///   src/trace_processor: importers/json, sorter/trace_sorter.h, importers/common/slice_tracker.cc.
struct TraceEvents {
    private static let process = 1
    private static let lane = 1
    private static let counterBins = 500

    private let run: RecordedRun
    private let origin: UInt64
    private let ticksPerMicrosecond: Double

    init(_ run: RecordedRun) {
        self.run = run
        let records = run.trace.records
        origin = records.filter { $0.kind != .fact && $0.kind != .count }.map(Self.begin).min() ?? 0
        ticksPerMicrosecond = (run.clock.ticksPerSecond ?? 1e9) / 1e6
    }

    var text: String {
        let every = run.trace.fact(.traceEvery) ?? 0
        let rate = run.clock.ticksPerSecond.map { "\($0)" } ?? "unknown: a tick is shown as a nanosecond"
        return """
            {"displayTimeUnit":"ns",
            "otherData":{"clock":"\(run.clock.unit.rawValue)","ticksPerSecond":"\(rate)",\
            "sampled":"one exit in \(every)","end":\(Self.quoted(run.trace.ending?.description ?? "no end record"))},
            "traceEvents":[
            \((names + slices + counters).joined(separator: ",\n"))
            ]}

            """
    }

    // MARK: names

    private var names: [String] {
        let every = run.trace.fact(.traceEvery) ?? 0
        let lane = every == 1 ? "hypervisor" : "hypervisor (one exit in \(every))"
        return [
            Self.metadata("process_name", "\"name\":\(Self.quoted("frostvisor: " + title))"),
            Self.metadata("thread_name", "\"name\":\(Self.quoted(lane))"),
            Self.metadata("thread_sort_index", "\"sort_index\":0"),
        ]
    }

    private var title: String {
        run.report.map { $0.image.path.split(separator: "/").last.map(String.init) ?? $0.image.path }
            ?? "trace"
    }

    private static func metadata(_ name: String, _ arguments: String) -> String {
        "{\"ph\":\"M\",\"name\":\"\(name)\",\"pid\":\(process),\"tid\":\(lane),\"args\":{\(arguments)}}"
    }

    // MARK: slices

    /// Begin and end in ticks.
    private struct Slice {
        var begin: UInt64
        var end: UInt64
        let record: TraceRecord
    }

    /// Exits, what they did with pages inside them, and single moments.
    ///
    /// A record's time is taken a little after what it tells of has ended, so an exit is stretched over its pages, and
    /// nothing begins before what came before it has ended: slices of a lane must nest.
    private var slices: [String] {
        var events: [String] = []
        var pages: [Slice] = []
        var exitEnd: UInt64 = 0
        for record in run.trace.records {
            let start = Self.begin(record)
            var slice = Slice(begin: max(start, pages.last?.end ?? exitEnd), end: record.tsc, record: record)
            slice.end = max(slice.end, slice.begin)
            switch record.kind {
            case .open, .seal: pages.append(slice)
            case .miss, .exit:
                slice.begin = max(exitEnd, min(start, pages.first?.begin ?? start))
                events.append(complete(slice))
                events += pages.map(complete)
                pages = []
                exitEnd = slice.end
            case .freeze: events.append(complete(slice))
            case .drop, .launch, .panic, .end: events.append(instant(record))
            case .fact, .count: break
            }
        }
        return events + pages.map(complete)
    }

    private static func begin(_ record: TraceRecord) -> UInt64 {
        record.tsc >= record.cycles ? record.tsc - record.cycles : 0
    }

    /// Three years: beyond it a trace is damaged, and a tenth of a nanosecond is still a number.
    private static let mostNanoseconds = 100_000_000_000_000_000

    private func nanoseconds(_ ticks: UInt64) -> Int {
        let nanoseconds =
            ticks > origin ? Int(saturating: Double(ticks - origin) / ticksPerMicrosecond * 1000) : 0
        return min(max(0, nanoseconds), Self.mostNanoseconds)
    }

    /// Perfetto cuts time and length to nanoseconds, each by itself, and drops a slice that leaves another then. So a time
    /// is the middle of its nanosecond, and a length a tenth of one short.
    private func microseconds(_ nanoseconds: Int) -> String {
        Self.microseconds(tenths: nanoseconds * 10 + 5)
    }

    private static func microseconds(tenths: Int) -> String {
        let fraction = String(tenths % 10_000)
        return "\(tenths / 10_000).\(String(repeating: "0", count: 4 - fraction.count))\(fraction)"
    }

    private func complete(_ slice: Slice) -> String {
        let record = slice.record
        let name = TraceCounter(record)?.name ?? record.kind.name
        let begin = nanoseconds(slice.begin)
        let length = Self.microseconds(tenths: max(0, (nanoseconds(slice.end) - begin) * 10 - 1))
        return
            "{\"ph\":\"X\",\"name\":\"\(name)\",\"cat\":\"\(record.kind.name)\",\"ts\":\(microseconds(begin)),\"dur\":\(length),"
            + "\"pid\":\(Self.process),\"tid\":\(Self.lane),\"args\":{\(arguments(record))}}"
    }

    private func instant(_ record: TraceRecord) -> String {
        let scope = record.kind == .drop ? "t" : "p"
        let name = TraceCounter(record)?.name ?? record.kind.name
        return
            "{\"ph\":\"i\",\"name\":\"\(name)\",\"cat\":\"\(record.kind.name)\",\"ts\":\(microseconds(nanoseconds(record.tsc))),"
            + "\"s\":\"\(scope)\",\"pid\":\(Self.process),\"tid\":\(Self.lane),\"args\":{\(arguments(record))}}"
    }

    /// Addresses as text: JSON's numbers end at 2^53.
    private func arguments(_ record: TraceRecord) -> String {
        let value = "\"\(record.value.hexadecimal)\""
        switch record.kind {
        case .miss:
            let access = MissAccess(record.detail).names.joined(separator: ", ")
            return "\"address\":\(value),\"access\":\"\(access)\",\"ticks\":\(record.cycles)"
        case .open, .seal, .drop:
            return "\"page\":\(value),\"level\":\(record.level),\"ticks\":\(record.cycles)"
        case .exit: return "\"subject\":\(value),\"ticks\":\(record.cycles)"
        default: return "\"value\":\(value)"
        }
    }

    // MARK: counters

    private var counters: [String] {
        guard let timeline = TraceTimeline(run.trace, bins: Self.counterBins) else { return [] }
        func track(_ name: String, _ key: String, _ values: [Double], atEnd: Bool) -> [String] {
            values.enumerated().map { bin, value in
                let offset = UInt64(saturating: timeline.binLength * Double(bin + (atEnd ? 1 : 0)))
                let (sum, isBeyond) = timeline.start.addingReportingOverflow(offset)
                let at = isBeyond ? .max : sum
                return
                    "{\"ph\":\"C\",\"name\":\"\(name)\",\"ts\":\(microseconds(nanoseconds(at))),\"pid\":\(Self.process),"
                    + "\"args\":{\"\(key)\":\(value.formatted(places: 2))}}"
            }
        }
        let binSeconds = timeline.binLength / ticksPerMicrosecond / 1e6
        let rates = timeline.misses.map { $0 / binSeconds }
        return track("page misses", "a second", rates, atEnd: false)
            + track("hypervisor", "percent of time", timeline.hypervisor.map { $0 * 100 }, atEnd: false)
            + (timeline.resident.map { track("resident pages", "pages", $0, atEnd: true) } ?? [])
    }

    private static func quoted(_ text: String) -> String {
        (try? JSON.text(text)) ?? "\"\""
    }
}

/// How the guest touched what it missed.
struct MissAccess {
    let names: [String]

    /// - Parameter flags: `enum trace_miss_flags`
    init(_ flags: UInt32) {
        let known: [(trace_miss_flags, String)] = [
            (MISS_WRITE, "write"), (MISS_FETCH, "fetch"), (MISS_WALK, "page walk"),
        ]
        let set = known.filter { flags & $0.0.rawValue != 0 }.map(\.1)
        names = set.isEmpty ? ["read"] : set
    }
}
