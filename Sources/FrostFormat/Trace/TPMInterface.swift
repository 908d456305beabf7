import FrostCore

/// The registers of a TPM.
package enum TPMInterface: String, Sendable, Codable, NumberedCase {
    /// A queue of bytes; QEMU's tpm-tis.
    case fifo
    /// Command and answer in memory of the TPM's; QEMU's tpm-crb.
    case crb

    /// Of `enum trace_tpm`.
    package var number: UInt32 {
        switch self {
        case .fifo: TPM_FIFO.rawValue
        case .crb: TPM_CRB.rawValue
        }
    }
}
