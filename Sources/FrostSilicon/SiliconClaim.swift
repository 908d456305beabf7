/// Something that the documents say of caches, and that a result can bear out or contradict.
package enum SiliconClaim: String, Codable, Sendable, CaseIterable {
    case fitKeeps = "fit-keeps"
    case fitServes = "fit-serves"
    case fitMisses = "fit-misses"
    case largestFits = "largest-fits"
    case othersEvict = "others-evict"
    case codeFromCache = "code-from-cache"
    case intelNoFill = "intel-no-fill"
    case amdHit = "amd-cd-hit"
    case lateFill = "late-fill"
    case ntHit = "nt-hit"
    case ucHit = "uc-hit"
    case cldemote
    case repMovs = "rep-movs"
    case smiEvicts = "smi-evicts"
    case waylock
    case nestedCD = "intel-nested-cd"
    case missCost = "miss-cost"

    package var statement: String {
        switch self {
        case .fitKeeps: "Under fit no line of a region of up to half the largest cache is written to DRAM."
        case .fitServes: "Under fit each read of such a region is answered by a cache."
        case .fitMisses: "Under fit a thousand sweeps over such a region miss the last cache about never."
        case .largestFits: "A region fits if the largest cache that CPUID tells of is at least as large."
        case .othersEvict: "Other write-back memory that is read pushes lines of the region out."
        case .codeFromCache:
            "Code that lies modified in the region is fetched from the cache, and stays there."
        case .intelNoFill: "On Intel with CR0.CD = 1 hits are served, and nothing is written back."
        case .amdHit: "On AMD with CR0.CD = 1 a hit writes a modified line back and drops it."
        case .lateFill:
            "With CR0.CD = 1 a write that misses goes to DRAM: what is filled later is not frozen."
        case .ntHit: "A non-temporal store to a line of the region sends it to DRAM."
        case .ucHit: "An uncacheable access to a line of the region writes it back."
        case .cldemote: "CLDEMOTE counts as written back."
        case .repMovs: "A long REP MOVS within the region stays in the cache."
        case .smiEvicts: "System Management Mode may evict the region."
        case .waylock: "A region in ways of its own stays while others fill the rest of the cache."
        case .nestedCD: "On Intel under nested paging CR0.CD = 1 makes every access uncacheable."
        case .missCost: "What a page miss costs."
        }
    }

    /// Where it is said: a document, and a heading or row of it.
    package var place: String {
        switch self {
        case .fitKeeps: "docs/design/freezing.md, fit"
        case .fitServes: "docs/design/freezing.md, fit"
        case .fitMisses: "docs/design/freezing.md, fit"
        case .largestFits: "docs/design/limits.md, What the guest can do"
        case .othersEvict: "docs/design/cache-model.md, replace-dirty"
        case .codeFromCache: "docs/design/proof.md, The six conditions"
        case .intelNoFill: "docs/design/cache-model.md, intel-no-fill"
        case .amdHit: "docs/design/cache-model.md, amd-cd-hit"
        case .lateFill: "docs/design/cache-model.md, intel-no-fill"
        case .ntHit: "docs/design/cache-model.md, nt-hit"
        case .ucHit: "docs/design/cache-model.md, uc-hit"
        case .cldemote: "docs/design/cache-model.md, cldemote"
        case .repMovs: "docs/design/cache-model.md, write-allocate"
        case .smiEvicts: "docs/design/limits.md, What others can do"
        case .waylock: "docs/design/freezing.md, waylock"
        case .nestedCD: "docs/design/cache-model.md, intel-nested-cd"
        case .missCost: "docs/design/exit-path.md, How it is counted"
        }
    }
}

/// What a result says of a claim.
package enum SiliconVerdict: String, Codable, Sendable, CaseIterable {
    case measured = "measured on metal"
    case contradicted
    case notTested = "not tested here"
}

/// A claim, what became of it, and why.
package struct SiliconFinding: Codable, Sendable, Equatable {
    package var claim: SiliconClaim
    package var statement: String
    package var place: String
    package var verdict: SiliconVerdict
    package var reason: String

    init(_ claim: SiliconClaim, _ verdict: SiliconVerdict, _ reason: String) {
        (self.claim, self.verdict, self.reason) = (claim, verdict, reason)
        (statement, place) = (claim.statement, claim.place)
    }
}
