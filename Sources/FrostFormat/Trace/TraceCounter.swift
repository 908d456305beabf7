import FrostCore

/// What the hypervisor counts, exactly, from boot to the end.
///
/// - Source: `enum trace_counter` of `hypervisor/core/include/trace.h`; numbered in the same order from 1.
package enum TraceCounter: UInt32, Sendable, CaseIterable {
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
    case ahead
    case absentMiss
    case pciRefused
    case exitDevice
    case apicRefused
    case sharedMiss
    case shared
    case takenBack
    case portRefused
    case msrRefused

    /// Made once: a case's name is found by reflection, and asked for with each record.
    private static let names = Dictionary(uniqueKeysWithValues: allCases.map { ($0, "\($0)") })

    package var name: String { Self.names[self] ?? "\(self)" }
}

extension TraceCounter {
    package enum Role: Sendable {
        /// The guest stood still while the hypervisor served it.
        case exit
        /// What an exit did with a page: its time is part of the exit's.
        case page
        /// Counted, not timed.
        case note
    }

    package var role: Role {
        switch self {
        case .miss, .softMiss, .deviceMiss, .absentMiss, .sharedMiss, .exitCPUID, .exitMSR, .exitCR,
            .exitPort, .exitCache, .exitDenied, .exitDevice:
            .exit
        case .openBlank, .openImaged, .openSealed, .seal, .metadataOpen, .metadataBlank, .metadataSeal: .page
        case .drop, .metadataDrop, .tableDrop, .reinject, .ahead, .pciRefused, .apicRefused, .shared,
            .takenBack, .portRefused, .msrRefused:
            .note
        }
    }

    /// Whether it runs the page cipher, and little else.
    package var isCipher: Bool {
        switch self {
        case .openImaged, .openSealed, .seal, .metadataOpen, .metadataSeal: true
        default: false
        }
    }

    /// By how many pages an event of this kind changes what is resident.
    package var residentChange: Int {
        switch self {
        case .openBlank, .openImaged, .openSealed, .metadataOpen, .metadataBlank: 1
        case .seal, .drop, .metadataSeal, .metadataDrop: -1
        default: 0
        }
    }

    /// The counter that this event raised; nil for a record of something else.
    package init?(_ record: TraceRecord) {
        let isMetadata = record.level != 0
        switch record.kind {
        case .miss:
            func has(_ flag: trace_miss_flags) -> Bool { record.detail & flag.rawValue != 0 }
            self =
                has(MISS_SHARED)
                ? .sharedMiss
                : has(MISS_DEVICE)
                    ? .deviceMiss : has(MISS_ABSENT) ? .absentMiss : has(MISS_SOFT) ? .softMiss : .miss
        case .open:
            switch record.detail {
            case PAGE_BLANK.rawValue: self = isMetadata ? .metadataBlank : .openBlank
            case PAGE_IMAGED.rawValue: self = isMetadata ? .metadataOpen : .openImaged
            default: self = isMetadata ? .metadataOpen : .openSealed
            }
        case .seal: self = isMetadata ? .metadataSeal : .seal
        case .drop: self = isMetadata ? .metadataDrop : .drop
        case .exit: self.init(rawValue: record.detail)
        case .fact, .freeze, .launch, .count, .panic, .end: return nil
        }
    }
}
