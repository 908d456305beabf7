import FrostFormat
package import FrostMachine
import FrostSupport

/// A trace for other programs to read.
package enum TraceExport: String, Sendable, CaseIterable {
    /// The summary, and each record.
    case json
    /// A row for each record.
    case csv
    /// Trace Event Format, as ui.perfetto.dev and chrome://tracing open it.
    case perfetto

    package func text(_ run: RecordedRun) throws -> String {
        switch self {
        case .json: try Self.json(run)
        case .csv: Self.csv(run)
        case .perfetto: TraceEvents(run).text
        }
    }

    // Written by hand: names and numbers alone, a hundred thousand records and more.

    private static func json(_ run: RecordedRun) throws -> String {
        let records = run.trace.records.map { record in
            let ofPage = record.level == .max ? "null" : "\(record.level)"
            return """
                {"tick":\(record.tsc),"kind":"\(record.kind.name)","event":\(quoted(event(record))),\
                "value":\(record.value),"detail":\(record.detail),"level":\(ofPage),"ticks":\(record.cycles)}
                """
        }
        return """
            {"summary":\(try JSON.text(run.summary())),
            "records":[
            \(records.joined(separator: ",\n"))
            ]}

            """
    }

    private static func quoted(_ name: String?) -> String { name.map { "\"\($0)\"" } ?? "null" }

    private static func csv(_ run: RecordedRun) -> String {
        let rows = run.trace.records.map { record in
            let seconds = run.clock.seconds(record.tsc).map { "\($0)" } ?? ""
            let level = record.level == .max ? "" : "\(record.level)"
            return [
                "\(record.tsc)", seconds, record.kind.name, event(record) ?? "", "\(record.value)",
                "\(record.detail)", level, "\(record.cycles)",
            ].joined(separator: ",")
        }
        return (["tick,second,kind,event,value,detail,level,ticks"] + rows).joined(separator: "\n") + "\n"
    }

    /// What a reader would else look up by the record's numbers.
    private static func event(_ record: TraceRecord) -> String? {
        switch record.kind {
        case .fact: TraceFact.allCases.first { $0.number == record.detail }?.rawValue
        case .count: TraceCounter(rawValue: record.detail)?.name
        case .panic: PanicCode(number: record.detail)?.rawValue
        case .freeze: FreezeStrategy(number: record.detail)?.rawValue
        case .miss, .open, .seal, .drop, .exit: TraceCounter(record)?.name
        case .launch, .end: nil
        }
    }
}
