import FrostCore

/// A trace in the Trace Event Format: a process with a lane for what the hypervisor did, and counters.
///
/// - Units: microseconds since the guest's first instruction; where the clock's rate is unknown, a tick counts as a
///   nanosecond.
/// - Source: "Trace Event Format" (Chromium project): metadata, complete, instant and counter events.
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
        origin = (records.first { $0.kind == .launch } ?? records.first)?.tsc ?? 0
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
            let start = record.tsc >= record.cycles ? record.tsc - record.cycles : 0
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

    private func microseconds(_ ticks: UInt64) -> String {
        let distance = ticks >= origin ? Double(ticks - origin) : -Double(origin - ticks)
        return (distance / ticksPerMicrosecond).formatted(places: 4)
    }

    private func complete(_ slice: Slice) -> String {
        let record = slice.record
        let name = TraceCounter(record)?.name ?? "\(record.kind)"
        let begin = microseconds(slice.begin)
        // From the rounded ends, so that slices which touch do not overlap by a digit.
        let length = ((Double(microseconds(slice.end)) ?? 0) - (Double(begin) ?? 0)).formatted(places: 4)
        return
            "{\"ph\":\"X\",\"name\":\"\(name)\",\"cat\":\"\(record.kind)\",\"ts\":\(begin),\"dur\":\(length),"
            + "\"pid\":\(Self.process),\"tid\":\(Self.lane),\"args\":{\(arguments(record))}}"
    }

    private func instant(_ record: TraceRecord) -> String {
        let scope = record.kind == .drop ? "t" : "p"
        let name = TraceCounter(record)?.name ?? "\(record.kind)"
        return
            "{\"ph\":\"i\",\"name\":\"\(name)\",\"cat\":\"\(record.kind)\",\"ts\":\(microseconds(record.tsc)),"
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
                let at = timeline.binLength * Double(bin + (atEnd ? 1 : 0)) / ticksPerMicrosecond
                return
                    "{\"ph\":\"C\",\"name\":\"\(name)\",\"ts\":\(at.formatted(places: 4)),\"pid\":\(Self.process),"
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
