import FrostCore
import FrostFormat

/// What the hypervisor has done since a strike, by its trace: read on as the trace grows, and nothing twice.
struct StrikeUses {
    /// How often a page of the guest was opened, whichever.
    private(set) var openings = 0
    private var first: [page_id: TraceRecord] = [:]
    private var taken = 0
    private let strike: Strike

    init(of strike: Strike) {
        self.strike = strike
    }

    /// The first thing that read or wrote the home of a page that was changed. To drop a page does neither.
    subscript(page: page_id) -> TraceRecord? { first[page] }

    /// - Parameter records: all since the strike, those that were taken before among them.
    mutating func take(_ records: ArraySlice<TraceRecord>) {
        for record in records.dropFirst(taken) {
            switch record.kind {
            case .open, .seal:
                let page = page_make(UInt32(record.level), record.value)
                if record.kind == .open && record.level == 0 { openings += 1 }
                if strike.written[page] != nil && first[page] == nil { first[page] = record }
            default: break
            }
        }
        taken = max(taken, records.count)
    }
}
