/// How many instructions the hypervisor may spend on an exit, without the cipher: medians of the guest `exits`.
///
/// A change that costs more is either not worth it, or says here what it is worth. What is measured:
/// docs/evidence/exit-path.md.
package enum ExitBudget {
    package static let medians: [ExitClass: UInt64] = [
        .cleanMiss: 1020, .dirtyMiss: 1165, .blankFreeMiss: 3200, .blankCleanMiss: 4960,
        .blankDirtyMiss: 5760, .metadataCleanMiss: 1550, .metadataDirtyMiss: 5430, .softMiss: 510,
        .deviceMiss: 305, .absentMiss: 330, .cpuid: 920, .msr: 895, .cr: 960, .port: 275, .cache: 845,
        .denied: 180, .device: 1245,
    ]
    /// The same of an image that lets the guest share pages, behind VT-d, where it is another.
    package static let sharing: [ExitClass: UInt64] = [
        .cleanMiss: 1130, .dirtyMiss: 1265, .blankFreeMiss: 3025, .blankCleanMiss: 2530,
        .blankDirtyMiss: 5970, .metadataCleanMiss: 1675, .metadataDirtyMiss: 5635,
        .softMiss: 660, .sharedMiss: 625, .deviceMiss: 410, .absentMiss: 463, .cpuid: 985, .msr: 953,
        .cr: 1018,
        .cache: 905, .device: 1300,
    ]

    package static func medians(isSharing: Bool) -> [ExitClass: UInt64] {
        isSharing ? medians.merging(sharing) { $1 } : medians
    }
}
