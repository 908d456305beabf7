import FrostCore

/// What the hypervisor counts, exactly, from boot to the end.
///
/// - Source: `enum trace_counter` of `hypervisor/core/include/trace.h`; numbered in the same order from 1.
public enum TraceCounter: UInt32, Sendable, CaseIterable {
    case miss = 1
    case softMiss
    case deviceMiss
    case openBlank
    case openImaged
    case openSealed
    case seal
    case drop
    case metadataOpen
    case metadataBlank
    case metadataSeal
    case metadataDrop
    case tableDrop
    case exitCPUID
    case exitMSR
    case exitCR
    case exitPort
    case exitCache
    case exitDenied
    case reinject

    public var name: String { "\(self)" }
}
