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
}
