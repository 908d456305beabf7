import FrostFormat
@testable import FrostProof

/// One fault that is made on purpose, and what the verdict must say of it.
struct CacheVerdictRow: Sendable {
    /// One of `faults/hypervisor`; nil: the fault is the guest's, the image's or the cache's.
    var fault: String?
    /// A folder of `faults/guests`, or a path to another.
    var guest = "touch"
    var preset = "zen2-l2"
    var freeze = FreezeStrategy.fit
    var hasEmbeddedKey = false
    /// The machine has QEMU's edu.
    var hasDevice = false
    /// nil: VT-d where there is a device, else none.
    var iommu: String?
    var answer = CacheVerdict.Answer.leaked
    var condition = Condition.frozenRegion
    /// Each must be named under the condition.
    var rules: [String] = []
    /// One violation of the first rule must lie there, and be done by this; or, where nothing is provable, the words
    /// of the fault.
    var place = ""
    var instruction = ""

    var name: String {
        "\(fault ?? "no fault"), guest \(guest), cache \(preset)"
            + (hasDevice ? ", with a device" : "") + (iommu.map { ", IOMMU \($0)" } ?? "")
            + (freeze == .fit ? "" : ", freeze \(freeze.rawValue)")
            + (hasEmbeddedKey ? ", embedded key" : "")
    }

    /// A frame that no small guest touches: where the faults put what does not belong into DRAM.
    private static let frame = "the home of guest page 0xa00000"

    static let all: [CacheVerdictRow] =
        sound + ofMachine + ofGuests + ofTables + ofCaches + ofBuffers + ofCiphertext + ofSharedPages

    /// The very guests that the faults below are made with: nothing is wrong yet.
    private static let sound =
        ["touch", "caches", "types", "ranges", "disable"].map { CacheVerdictRow(guest: $0, answer: .proven) }
        + [
            CacheVerdictRow(guest: "images/hpet", preset: "zen2-l3", answer: .proven),
            CacheVerdictRow(guest: "images/shared", preset: "zen2-l3", hasDevice: true, answer: .proven),
            CacheVerdictRow(
                guest: "images/shared", preset: "zen2-l3", hasDevice: true, iommu: "amd", answer: .proven),
            CacheVerdictRow(guest: "images/hpet", preset: "zen2-l3", iommu: "intel", answer: .proven),
        ]

    private static let ofMachine = [
        CacheVerdictRow(
            freeze: .window, rules: ["never-frozen", "wider-write-back"], place: "the frozen region",
            instruction: "random64"),
        CacheVerdictRow(
            preset: "skylake-u-l2",
            rules: ["cache-rule:replace-dirty", "never-frozen", "write-back-while-filling"],
            place: "the frozen region", instruction: "hypervisor/"),
        CacheVerdictRow(
            preset: "skylake-sp-l3", rules: ["cache-rule:replace-dirty", "never-frozen"],
            place: "the frozen region", instruction: "hypervisor/"),
        CacheVerdictRow(hasEmbeddedKey: true, answer: .notProvable, place: "carries its own key"),
    ]

    private static let ofGuests = [
        CacheVerdictRow(
            guest: "flush",
            rules: [
                "cache-rule:clflush", "cache-rule:clwb", "cache-rule:cldemote", "cache-rule:fill",
                "cache-rule:prefetch", "flush-unknown",
            ],
            place: "slot of guest page", instruction: "the guest at"),
        CacheVerdictRow(
            guest: "stream",
            rules: ["cache-rule:nt-hit", "cache-rule:nt-store", "cache-rule:write-allocate"],
            place: "slot of guest page", instruction: "the guest at"),
        CacheVerdictRow(
            fault: "no-cache-intercepts", guest: "caches",
            rules: ["guest-cache-control", "cache-rule:wbnoinvd", "cache-rule:invd"],
            instruction: "the guest at"),
        CacheVerdictRow(
            fault: "invd-writes-back", guest: "caches",
            rules: ["cache-rule:amd-invd-wbinvd", "guest-cache-control"], place: "the frozen region",
            instruction: "the guest at"),
        CacheVerdictRow(
            fault: "real-wbinvd", guest: "caches", rules: ["cache-rule:wbinvd"], place: "the frozen region",
            instruction: "exit_handle"),
        CacheVerdictRow(
            fault: "guest-pat", guest: "types",
            rules: [
                "cache-rule:uc-hit", "cache-rule:uc", "cache-rule:wc-hit", "cache-rule:wc",
                "cache-rule:wt-modified", "cache-rule:wt-write", "cache-rule:wp-hit", "cache-rule:wp-write",
            ],
            place: "slot of guest page 0x400000", instruction: "the guest at"),
        CacheVerdictRow(
            fault: "no-mtrr-intercept", guest: "ranges",
            rules: ["guest-cache-control", "region-type", "cache-rule:uc-hit"], instruction: "the guest at"),
        CacheVerdictRow(
            fault: "crowded-cache", guest: "crowd",
            rules: ["cache-rule:replace-clean", "wider-write-back", "cache-rule:clwb"],
            place: "slot of guest page", instruction: "the guest at"),
        CacheVerdictRow(
            fault: "no-cr0-intercept", guest: "disable",
            rules: ["guest-cache-control", "cache-rule:amd-cd-hit", "cache-rule:amd-cd"],
            instruction: "the guest at"),
        CacheVerdictRow(
            fault: "no-cr0-intercept", guest: "disable", preset: "skylake-sp-l2",
            rules: ["guest-cache-control", "cache-rule:intel-nested-cd-hit", "cache-rule:intel-no-fill"],
            instruction: "the guest at"),
    ]

    private static let ofTables = [
        CacheVerdictRow(
            fault: "host-table-in-dram", condition: .noFetch, rules: ["host-table"], place: frame,
            instruction: "svm_enter"),
        CacheVerdictRow(
            fault: "nested-table-in-dram", condition: .noFetch, rules: ["nested-table"], place: frame,
            instruction: "svm_enter"),
        CacheVerdictRow(
            fault: "nested-leaf-to-dram", condition: .accountedWrites, rules: ["nested-mapping"],
            place: frame,
            instruction: "svm_enter"),
        CacheVerdictRow(
            fault: "believed-roms", guest: "images/tables", preset: "zen2-l3", condition: .accountedWrites,
            rules: ["nested-mapping"], place: "memory of the firmware", instruction: "svm_enter"),
        CacheVerdictRow(
            fault: "believed-tables", guest: "images/tables", preset: "zen2-l3", condition: .accountedWrites,
            rules: ["nested-mapping"], place: "the home of guest page", instruction: "svm_enter"),
        CacheVerdictRow(
            fault: "uncacheable-slots", condition: .accountedWrites, rules: ["nested-mapping"],
            place: "slot of guest page", instruction: "svm_enter"),
        CacheVerdictRow(
            fault: "control-block-in-dram", condition: .accountedWrites, rules: ["control-block"],
            place: frame,
            instruction: "svm_enter"),
        CacheVerdictRow(
            fault: "host-state-in-dram", condition: .accountedWrites,
            rules: ["control-block", "unseen-store"],
            place: frame, instruction: "svm_enter"),
        CacheVerdictRow(
            fault: "interrupt-table-in-dram", condition: .noFetch, rules: ["descriptor-table"], place: frame
        ),
        CacheVerdictRow(
            fault: "stack-in-dram", rules: ["never-frozen", "phase-order"],
            place: "stack_bottom of the hypervisor", instruction: "random64"),
        CacheVerdictRow(
            fault: "stack-in-dram", condition: .accountedWrites, rules: ["never-described"],
            place: "the home of guest page 0xa03000"),
        CacheVerdictRow(
            fault: "code-in-dram", condition: .noFetch, rules: ["host-fetch", "fetch-from-dram"],
            place: frame,
            instruction: "the hypervisor at 0xffffffffbfe00000"),
    ]

    private static let ofCaches = [
        CacheVerdictRow(
            fault: "wider-write-back", rules: ["wider-write-back"], place: "guest page 0x200000"),
        CacheVerdictRow(
            fault: "late-write-back", guest: "caches", rules: ["wider-write-back"],
            place: "guest page 0x200000", instruction: "wrmsr"),
        CacheVerdictRow(
            fault: "cacheable-homes", rules: ["wider-write-back", "cache-rule:replace-dirty"],
            place: "guest page 0x0"),
        CacheVerdictRow(
            fault: "cacheable-homes", condition: .accountedWrites, rules: ["host-store", "region-write"],
            place: "the home of guest page"),
        CacheVerdictRow(
            fault: "cache-disabled", rules: ["cache-rule:amd-cd-hit", "cache-rule:amd-cd"],
            place: "the frozen region", instruction: "hypervisor/"),
        CacheVerdictRow(
            fault: "cache-disabled", preset: "skylake-sp-l2",
            rules: ["cache-rule:intel-nested-cd-hit", "cache-rule:intel-nested-cd"],
            place: "slot of guest page",
            instruction: "the guest at"),
        CacheVerdictRow(
            fault: "early-secret", rules: ["never-frozen", "cache-rule:wbinvd"],
            place: "the frozen region", instruction: "random64"),
    ]

    private static let ofBuffers = [
        CacheVerdictRow(
            fault: "keys-in-dram", condition: .noKey, rules: ["key-schedule", "key-material"], place: frame,
            instruction: "memcpy"),
        CacheVerdictRow(
            fault: "page-copy", condition: .accountedWrites, rules: ["never-described"], place: frame),
        CacheVerdictRow(
            fault: "page-copy", condition: .noSecret, rules: ["canary", "plaintext-block"], place: frame),
        CacheVerdictRow(
            fault: "firmware-copy", condition: .accountedWrites, rules: ["unknown-buffer"],
            place: "memory of the firmware"),
        CacheVerdictRow(
            fault: "any-device", guest: "images/hpet", preset: "zen2-l3", rules: ["guest-reach"],
            place: "secrets of the hypervisor", instruction: "the guest at"),
        CacheVerdictRow(
            fault: "any-device", guest: "images/hpet", preset: "zen2-l3", rules: ["region-changed"],
            place: "a nested table or a slot"),
        CacheVerdictRow(
            fault: "device-write", condition: .accountedWrites, rules: ["unseen-store"], place: frame),
    ]

    private static let ofCiphertext = [
        CacheVerdictRow(fault: "nonce-fixed", condition: .freshCiphertext, rules: ["nonce-repeated"]),
        CacheVerdictRow(fault: "nonce-twice", condition: .freshCiphertext, rules: ["nonce-repeated"]),
        CacheVerdictRow(
            fault: "plain-homes", condition: .accountedWrites, rules: ["wrong-tag"], place: "the home of"),
        CacheVerdictRow(
            fault: "plain-homes", condition: .noSecret, rules: ["canary", "plaintext-block"],
            place: "the home of guest page"),
    ]

    private static let ofSharedPages = [
        sharing("shared-neighbour", .accountedWrites, "shared-unasked", place: "the home of guest page"),
        sharing("shared-old-bytes", .accountedWrites, "shared-not-zeroed", place: sharedPage),
        sharing("shared-slot-mapped", .frozenRegion, "shared-slot-kept", place: sharedPage),
        sharing("shared-stays", .frozenRegion, "shared-kept", place: sharedPage),
        sharing("shared-runs", .frozenRegion, "shared-executable", place: sharedPage),
        sharing("shared-left", .accountedWrites, "unseen-store", place: deviceSource, hasDevice: true),
        sharing("shared-remembered", .accountedWrites, "unseen-store", place: deviceSource, hasDevice: true),
        CacheVerdictRow(
            fault: "shared-left", guest: "images/shared", preset: "zen2-l3", hasDevice: true,
            rules: ["iommu-mapping"], place: deviceSource),
        // No device helps: the tables say so.
        reaching("shared-unasked", "iommu-mapping", place: "the home of guest page"),
        reaching("vtd-left-off", "iommu-passes"),
        reaching("amdvi-no-entries", "iommu-passes", iommu: "amd"),
        reaching("iommu-table-in-dram", "iommu-table", place: frame),
    ]

    /// Of the guest `shared`: PAGE, and SOURCE.
    private static let sharedPage = "the home of guest page 0x1000000"
    private static let deviceSource = "the home of guest page 0x1100000"

    private static func reaching(
        _ fault: String, _ rule: String, place: String = "", iommu: String = "intel"
    ) -> CacheVerdictRow {
        CacheVerdictRow(
            fault: fault, guest: "images/shared", preset: "zen2-l3", iommu: iommu, rules: [rule],
            place: place)
    }

    private static func sharing(
        _ fault: String, _ condition: Condition, _ rule: String, place: String, hasDevice: Bool = false
    ) -> CacheVerdictRow {
        CacheVerdictRow(
            fault: fault, guest: "images/shared", preset: "zen2-l3", hasDevice: hasDevice,
            condition: condition,
            rules: [rule], place: place, instruction: hasDevice ? "" : "svm_enter")
    }
}
