/// What must hold of a run, as a verdict judges it; in the order of the report.
package enum Condition: String, Codable, Sendable, CaseIterable {
    case accountedWrites = "accounted-writes"
    case noSecret = "no-secret"
    case noKey = "no-key"
    case frozenRegion = "frozen-region"
    case freshCiphertext = "fresh-ciphertext"
    case noFetch = "no-fetch"

    /// - Parameter sharing: the guest gave pages away.
    package func statement(sharing: Bool) -> String {
        switch self {
        case .accountedWrites:
            "Each write to DRAM is ciphertext whose tag OpenSSL verifies, an erasure, "
                + (sharing ? "the firmware's, or to a page that the guest shared." : "or the firmware's.")
        case .noSecret:
            "No secret of the guest ever stood in DRAM\(sharing ? ", but what it gave away itself" : "")."
        case .noKey: "No AES key, key schedule or hash key ever stood in DRAM."
        case .frozenRegion:
            "Since the freeze no line of the region left the cache, and the guest reached only its slots"
                + (sharing ? " and what it shared; devices what it shares alone." : ".")
        case .freshCiphertext: "No block of ciphertext was seen twice, and no nonce was used twice."
        case .noFetch: "The hypervisor took no instruction and no table from DRAM after the freeze."
        }
    }
}
