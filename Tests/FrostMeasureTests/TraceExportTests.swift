import Foundation
import FrostCore
import FrostFormat
import FrostMachine
@testable import FrostMeasure
import FrostSamples
import FrostSupport
import Testing

@Suite struct TraceExportTests {
    private func exported(_ export: TraceExport, _ run: SampleRun = SampleRun()) throws -> String {
        let scratch = try Scratch()
        try run.write(to: scratch.url)
        return try export.text(RecordedRun(reading: scratch.url))
    }

    @Test("CSV has a row for each record and the same columns in each")
    func csv() throws {
        let lines = try exported(.csv).split(separator: "\n")
        #expect(lines.count == 1 + SampleRun().records.count)
        #expect(lines[0] == "tick,second,kind,event,value,detail,level,ticks")
        #expect(lines.allSatisfy { $0.count { $0 == "," } == 7 })
        #expect(lines.contains { $0.contains(",miss,miss,4096,1,0,100") })
        #expect(lines.contains { $0.contains(",open,openSealed,") })
        #expect(lines.contains { $0.contains(",fact,traceEvery,1,") })
    }

    @Test("JSON holds the summary and each record")
    func json() throws {
        struct Exported: Decodable {
            struct Record: Decodable {
                var tick: UInt64
                var kind: String
                var event: String?
                var ticks: UInt64
            }
            var summary: TraceSummary
            var records: [Record]
        }
        let exported = try JSONDecoder().decode(Exported.self, from: Data(try exported(.json).utf8))
        let clock = RunClock(unit: .cycles, ticksPerSecond: 1e9)
        #expect(exported.summary == TraceSummary(SampleRun().trace, clock: clock))
        #expect(exported.records.count == SampleRun().records.count)
        #expect(exported.records.count { $0.event == "openSealed" && $0.ticks == 40 } == 10)
    }

    /// What a reader of the format insists on, and what else shows nothing or a wrong picture.
    ///
    /// - Source: "Trace Event Format" (Chromium project), sections "Event Descriptions" and "JSON Object Format"; of
    ///   Perfetto's reader json_trace_tokenizer.cc (times), trace_sorter.h (negative ones), slice_tracker.cc (overlaps).
    struct Checked {
        typealias Slice = (lane: Int, begin: Double, end: Double, name: String)
        /// In microseconds.
        var slices: [Slice] = []
        /// In whole nanoseconds, as Perfetto cuts them.
        var cut: [Slice] = []
        var counters: Set<String> = []
        var faults: [String] = []

        init(_ text: String) throws {
            let root = try #require(
                JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            let unit = root["displayTimeUnit"] as? String
            if unit != "ns" && unit != "ms" { faults.append("displayTimeUnit") }
            let events = try #require(root["traceEvents"] as? [[String: Any]])
            var named: Set<Int> = [], processes: Set<Int> = []
            for event in events { check(event, &named, &processes) }
            for slice in slices where !named.contains(slice.lane) {
                faults.append("lane \(slice.lane) has no name")
            }
            if processes.count != 1 { faults.append("\(processes.count) processes are named") }
            checkNesting(slices)
            checkNesting(cut)
        }

        private mutating func check(
            _ event: [String: Any], _ named: inout Set<Int>, _ processes: inout Set<Int>
        ) {
            guard let phase = event["ph"] as? String, let name = event["name"] as? String, !name.isEmpty,
                let process = event["pid"] as? Int
            else { return faults.append("an event lacks ph, name or pid: \(event)") }
            let arguments = event["args"] as? [String: Any] ?? [:]
            let time = (event["ts"] as? NSNumber)?.doubleValue
            if phase != "M" && time.map({ $0.isFinite && $0 >= 0 }) != true {
                faults.append("\(name) has no ts")
            }
            switch phase {
            case "M":
                let wants = [
                    "process_name": "name", "thread_name": "name", "thread_sort_index": "sort_index",
                ]
                guard let key = wants[name], arguments[key] != nil else {
                    return faults.append("metadata \(name)")
                }
                if name == "process_name" { processes.insert(process) }
                if name == "thread_name" { named.insert(event["tid"] as? Int ?? -1) }
            case "X":
                guard let length = (event["dur"] as? NSNumber)?.doubleValue, length >= 0,
                    let lane = event["tid"] as? Int, let time
                else { return faults.append("\(name) has no dur or tid") }
                slices.append((lane, time, time + length, name))
                let begin = (time * 1000).rounded(.towardZero)
                cut.append((lane, begin, begin + (length * 1000).rounded(.towardZero), name))
            case "i":
                if !["g", "p", "t"].contains(event["s"] as? String) { faults.append("\(name) has no scope") }
            case "C":
                counters.insert(name)
                if arguments.isEmpty || arguments.values.contains(where: { !($0 is NSNumber) }) {
                    faults.append("counter \(name) is no number")
                }
            default: faults.append("phase \(phase)")
            }
        }

        /// Slices of a lane lie apart or inside each other.
        private mutating func checkNesting(_ slices: [Slice]) {
            let sorted = slices.sorted { ($0.lane, $0.begin, -$0.end) < ($1.lane, $1.begin, -$1.end) }
            var open: [Slice] = []
            for slice in sorted {
                // Half of the last digit that is written.
                while let last = open.last, last.lane != slice.lane || last.end <= slice.begin + 0.00005 {
                    open.removeLast()
                }
                if let last = open.last, slice.end > last.end + 0.00005 {
                    faults.append("\(slice.name) at \(slice.begin) leaves \(last.name)")
                }
                open.append(slice)
            }
        }
    }

    @Test("The Perfetto export keeps the rules of its format", arguments: [1, 3] as [UInt64])
    func perfetto(every: UInt64) throws {
        let checked = try Checked(exported(.perfetto, SampleRun(every: every)))
        #expect(checked.faults.isEmpty)
        #expect(checked.counters == ["page misses", "hypervisor", "resident pages"])
        #expect(checked.slices.count { $0.name == "miss" } == (every == 1 ? 10 : 4))
        #expect(checked.slices.count { $0.name == "openSealed" } == (every == 1 ? 10 : 4))
        let miss = try #require(checked.slices.first { $0.name == "miss" })
        // A nanosecond a tick, since the freeze began.
        let launch = Double(SampleRun.launch - 400) / 1000
        #expect(abs(miss.end - launch - 9.09) < 1e-3 && abs(miss.begin - launch - 8.99) < 1e-3)
        #expect(checked.slices.contains { $0.name == "freeze" && $0.begin < 1e-3 })
    }

    @Test("Times that cross, as an emulator's do, still make slices that nest")
    func crossing() throws {
        var generator = SplitMix64(seed: 2026)
        var run = SampleRun(clock: RunClock(unit: .cycles, ticksPerSecond: 2_099_999_999), misses: 0)
        var now: UInt64 = 2_000
        for _ in 0..<500 {
            for _ in 0..<generator.next() % 4 {
                now += generator.next() % 50
                run.extra.append(
                    TraceBytes.record(.seal, value: 1, cycles: generator.next() % 90, at: now))
            }
            now += generator.next() % 50
            run.extra.append(TraceBytes.record(.miss, cycles: generator.next() % 120, at: now))
        }
        let checked = try Checked(exported(.perfetto, run))
        #expect(checked.faults.isEmpty)
        #expect(checked.slices.count > 900)
    }

    @Test("A guest's name cannot end a string of the export")
    func quoted() throws {
        let checked = try Checked(exported(.perfetto, SampleRun(imagePath: "/tmp/a\"b\\\n</script>.img")))
        #expect(checked.faults.isEmpty)
    }

    @Test("The checks themselves find a broken export")
    func controls() throws {
        let good = try exported(.perfetto)
        let faults: [(String, String)] = [
            ("\"ph\":\"X\"", "\"ph\":\"B\""),
            ("\"ph\":\"X\",\"name\":\"miss\"", "\"ph\":\"X\",\"name\":\"\""),
            ("\"dur\":", "\"duration\":"), ("\"s\":\"p\"", "\"s\":\"x\""), ("\"pid\":1", "\"pid\":\"one\""),
            ("thread_name", "threadname"), ("\"args\":{\"pages\":", "\"args\":{\"pages\":\"\",\"n\":"),
            ("\"dur\":0.0399", "\"dur\":0.2399"), ("\"ts\":0.0005", "\"ts\":-0.5005"),
        ]
        for (text, fault) in faults {
            #expect(good.contains(text), "\(text)")
            #expect(try !Checked(good.replacing(text, with: fault)).faults.isEmpty, "\(fault)")
        }
    }
}
