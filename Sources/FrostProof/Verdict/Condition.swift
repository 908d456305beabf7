/// What must hold of a run, as a verdict judges it; in the order of the report.
package enum Condition: String, Codable, Sendable, CaseIterable {
    case accountedWrites = "accounted-writes"
    case noSecret = "no-secret"
    case noKey = "no-key"
    case frozenRegion = "frozen-region"
    case freshCiphertext = "fresh-ciphertext"
    case noFetch = "no-fetch"

    package var statement: String {
        switch self {
        case .accountedWrites:
            "Each write to DRAM is ciphertext whose tag OpenSSL verifies, an erasure, or the firmware's."
        case .noSecret: "No secret of the guest ever stood in DRAM."
        case .noKey: "No AES key, key schedule or hash key ever stood in DRAM."
        case .frozenRegion:
            "Since the freeze no line of the region left the cache, and the guest reached only its slots."
        case .freshCiphertext: "No block of ciphertext was seen twice, and no nonce was used twice."
        case .noFetch: "The hypervisor took no instruction and no table from DRAM after the freeze."
        }
    }
}
