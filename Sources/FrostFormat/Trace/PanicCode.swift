import FrostCore

/// Why the hypervisor stopped a guest. Names as recipes spell them.
///
/// - Source: `enum panic_code` of `hypervisor/core/include/trace.h`; a test holds the two together.
package enum PanicCode: String, Codable, Sendable, NumberedCase {
    case integrity
    case stray
    case unknownExit = "unknown-exit"
    case hostException = "host-exception"
    case noEngine = "no-engine"
    case noCipher = "no-cipher"
    case header
    case key
    case memoryMap = "memory-map"
    case noRoom = "no-room"
    case entry
    case instruction
    case counter
    case `init`
    case freeze
    case state
    case task
    case iommu
    case smi
    case tpm

    /// On the wire.
    package var number: UInt32 {
        switch self {
        case .integrity: PANIC_INTEGRITY.rawValue
        case .stray: PANIC_STRAY.rawValue
        case .unknownExit: PANIC_UNKNOWN_EXIT.rawValue
        case .hostException: PANIC_HOST_EXCEPTION.rawValue
        case .noEngine: PANIC_NO_ENGINE.rawValue
        case .noCipher: PANIC_NO_CIPHER.rawValue
        case .header: PANIC_HEADER.rawValue
        case .key: PANIC_KEY.rawValue
        case .memoryMap: PANIC_MEMORY_MAP.rawValue
        case .noRoom: PANIC_NO_ROOM.rawValue
        case .entry: PANIC_ENTRY.rawValue
        case .instruction: PANIC_INSTRUCTION.rawValue
        case .counter: PANIC_COUNTER.rawValue
        case .`init`: PANIC_INIT.rawValue
        case .freeze: PANIC_FREEZE.rawValue
        case .state: PANIC_STATE.rawValue
        case .task: PANIC_TASK.rawValue
        case .iommu: PANIC_IOMMU.rawValue
        case .smi: PANIC_SMI.rawValue
        case .tpm: PANIC_TPM.rawValue
        }
    }
}
