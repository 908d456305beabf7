import FrostCore
import FrostFormat

/// What an exit was about, as its cost depends on it.
package enum ExitClass: String, Sendable, Codable, CaseIterable {
    /// A page opened from DRAM into the slot of one that is dropped: nothing of it had changed.
    case cleanMiss
    /// A page opened from DRAM into the slot of one that is sealed.
    case dirtyMiss
    /// A page opened from DRAM into a free slot.
    case freeMiss
    /// A page that was never written; into a free slot, a clean one's, a dirty one's.
    case blankFreeMiss, blankCleanMiss, blankDirtyMiss
    /// Metadata pages too are opened or evicted; nothing is sealed, or something is.
    case metadataCleanMiss, metadataDirtyMiss
    /// The page was resident.
    case softMiss
    /// A page becomes shared with devices, or lost its mapping while it was; one that is taken back is a blank one.
    case sharedMiss
    case deviceMiss
    /// Nothing is there that the guest may reach.
    case absentMiss
    case cpuid, msr, cr, port, cache, denied
    /// A write to an APIC.
    case device

    /// - Parameter records: of one exit: the pages that came and went, then the exit's own.
    init?(_ records: ArraySlice<TraceRecord>) {
        guard let exit = records.last else { return nil }
        if exit.kind == .exit {
            switch TraceCounter(rawValue: exit.detail) {
            case .exitCPUID: self = .cpuid
            case .exitMSR: self = .msr
            case .exitCR: self = .cr
            case .exitPort: self = .port
            case .exitCache: self = .cache
            case .exitDenied: self = .denied
            case .exitDevice: self = .device
            default: return nil
            }
            return
        }
        let pages = records.dropLast()
        let isSealed = pages.contains { $0.kind == .seal }
        if exit.detail & MISS_SHARED.rawValue != 0 {
            self = .sharedMiss
        } else if exit.detail & MISS_SOFT.rawValue != 0 {
            self = .softMiss
        } else if exit.detail & MISS_ABSENT.rawValue != 0 {
            self = .absentMiss
        } else if pages.isEmpty {
            self = .deviceMiss
        } else if pages.contains(where: { $0.level > 0 }) {
            self = isSealed ? .metadataDirtyMiss : .metadataCleanMiss
        } else {
            let isBlank = pages.contains { $0.kind == .open && $0.detail == PAGE_BLANK.rawValue }
            switch (isBlank, isSealed, pages.contains { $0.kind == .drop }) {
            case (true, true, _): self = .blankDirtyMiss
            case (true, false, true): self = .blankCleanMiss
            case (true, false, false): self = .blankFreeMiss
            case (false, true, _): self = .dirtyMiss
            case (false, false, true): self = .cleanMiss
            case (false, false, false): self = .freeMiss
            }
        }
    }

    /// The exits of a trace in their order; each with what it was, nil for one that is none of these.
    /// - Parameter trace: of a run that followed every exit.
    static func all(of trace: Trace) -> [ExitClass?] {
        guard let launch = trace.records.firstIndex(where: { $0.kind == .launch }) else { return [] }
        var classes: [ExitClass?] = []
        var start = launch + 1
        for index in trace.records[start...].indices {
            switch trace.records[index].kind {
            case .open, .seal, .drop: continue
            case .miss, .exit: classes.append(ExitClass(trace.records[start...index]))
            default: break
            }
            start = index + 1
        }
        return classes
    }
}
