import FrostCore
import FrostSupport

/// What the hypervisor tells of itself before the guest starts.
///
/// - Source: `enum trace_fact` of `hypervisor/core/include/trace.h`.
package enum TraceFact: String, Sendable, CaseIterable, Codable {
    case format
    case engine
    case guestRAMBytes
    case frozenBase
    case frozenBytes
    case slotsBase
    case slots
    case tablePages
    case metadataBase
    case metadataBytes
    case policy
    case traceEvery
    case hypervisorBytes
    case cache
    case cacheBytes
    case dma
    case otherCPUs
    case cipher
    case cBit
    case tpm

    package var number: UInt32 {
        switch self {
        case .format: FACT_FORMAT.rawValue
        case .engine: FACT_ENGINE.rawValue
        case .guestRAMBytes: FACT_RAM_BYTES.rawValue
        case .frozenBase: FACT_FROZEN_BASE.rawValue
        case .frozenBytes: FACT_FROZEN_BYTES.rawValue
        case .slotsBase: FACT_SLOTS_BASE.rawValue
        case .slots: FACT_SLOTS.rawValue
        case .tablePages: FACT_TABLE_PAGES.rawValue
        case .metadataBase: FACT_META_BASE.rawValue
        case .metadataBytes: FACT_META_BYTES.rawValue
        case .policy: FACT_POLICY.rawValue
        case .traceEvery: FACT_TRACE_EVERY.rawValue
        case .hypervisorBytes: FACT_TEXT_BYTES.rawValue
        case .cache: FACT_CACHE.rawValue
        case .cacheBytes: FACT_CACHE_BYTES.rawValue
        case .dma: FACT_DMA.rawValue
        case .otherCPUs: FACT_OTHER_CPUS.rawValue
        case .cipher: FACT_CIPHER.rawValue
        case .cBit: FACT_C_BIT.rawValue
        case .tpm: FACT_TPM.rawValue
        }
    }

    /// For a reader: addresses in hexadecimal, choices by name.
    package func text(of value: UInt64) -> String {
        switch self {
        case .frozenBase, .slotsBase, .metadataBase, .cBit: value.hexadecimal
        case .guestRAMBytes, .frozenBytes, .metadataBytes, .hypervisorBytes, .cacheBytes:
            ByteCount(value).rounded
        case .cache: CacheDemand(number: UInt32(truncatingIfNeeded: value))?.rawValue ?? "\(value)"
        case .engine: EngineChoice(number: UInt32(truncatingIfNeeded: value))?.rawValue ?? "\(value)"
        case .policy: EvictionPolicy(number: UInt32(truncatingIfNeeded: value))?.rawValue ?? "\(value)"
        case .tpm where value == 0: "none"
        case .tpm: TPMInterface(number: UInt32(truncatingIfNeeded: value))?.rawValue ?? "\(value)"
        case .dma: DMAProtection(fact: value).description
        case .cipher: CipherChoice(number: UInt32(truncatingIfNeeded: value))?.rawValue ?? "\(value)"
        case .format, .slots, .tablePages, .traceEvery, .otherCPUs: "\(value)"
        }
    }
}
