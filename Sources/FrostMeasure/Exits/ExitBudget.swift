/// How many instructions the hypervisor may spend on an exit, without the cipher: medians of the guest `exits`.
///
/// A change that costs more is either not worth it, or says here what it is worth. What is measured:
/// docs/evidence/exit-path.md.
package enum ExitBudget {
    package static let medians: [ExitClass: UInt64] = [
        .cleanMiss: 900, .dirtyMiss: 980, .blankFreeMiss: 3020, .blankCleanMiss: 4960, .blankDirtyMiss: 5760,
        .metadataCleanMiss: 1460, .metadataDirtyMiss: 5430, .softMiss: 505, .deviceMiss: 320,
        .cpuid: 835, .msr: 805, .cr: 880, .port: 220, .cache: 765, .denied: 180,
    ]

    /// One sentence for each kind that costs more than it may, or that was not seen.
    package static func violations(_ costs: ExitCosts) -> [String] {
        ExitClass.allCases.compactMap { kind in
            guard let allowed = medians[kind] else { return nil }
            guard let row = costs.rows.first(where: { $0.kind == kind }) else {
                return "\(kind.rawValue): no such exit was seen; run the guest images/exits."
            }
            guard row.p50 > allowed else { return nil }
            return
                "\(kind.rawValue): \(row.p50) instructions at the median of \(row.exits) exits, \(allowed) allowed."
        }
    }
}
