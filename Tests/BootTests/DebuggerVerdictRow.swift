import FrostFormat
@testable import FrostMachine
@testable import FrostProof

/// One hypervisor, guest and CPU under Bochs's debugger, and what the debugger verdict must say of it.
struct DebuggerVerdictRow: Sendable {
    /// One of `faults/hypervisor`; nil: nothing is wrong, unless it is the guest's doing.
    var fault: String?
    /// A folder of `faults/guests`.
    var guest = "touch"
    var cpu = CPUChoice.intel
    var freeze = FreezeStrategy.fit
    var windows = Self.few
    var answer = DebuggerVerdict.Answer.violation
    var condition = Condition.noFetch
    /// Each must be named under the condition.
    var rules: [String] = []
    /// One violation of the first rule must lie there, and be done by this.
    var place = ""
    var instruction = ""

    var name: String {
        "\(fault ?? "no fault"), guest \(guest), \(cpu)"
            + (freeze == .fit ? "" : ", freeze \(freeze.rawValue)")
    }

    /// Most faults show again and again.
    private static let few = AccessWindows(pages: 2)
    /// All that the guest does comes soon after its launch.
    private static let early = AccessWindows(pages: 1, launchInstructions: 300_000)
    /// A frame that no small guest touches: where the faults put what does not belong into DRAM.
    private static let frame = "the home of guest page 0xa00000"

    /// In ci/test. Faults in what both vendors share are all injected under QEMU as well (`CacheVerdictRow`); here, those
    /// by which memory at the end, keys and the region are judged.
    static let all =
        sound + ofIntel + ofAMD + ofWideKernels + commonFaults(.intel).filter(\.isAlwaysRun)
    /// With FROST_FULL=1.
    static let others = rare + commonFaults(.intel).filter { !$0.isAlwaysRun } + commonFaults(.amd)

    private var isAlwaysRun: Bool {
        [nil, "page-copy", "keys-in-dram", "host-table-in-dram"].contains(fault)
    }

    private static let sound = [CPUChoice.intel, .amd, BootTests.Vectors.wide].map {
        DebuggerVerdictRow(cpu: $0, windows: AccessWindows(), answer: .noViolation)
    }

    /// A kernel of 512 bits keeps its key in another form.
    private static let ofWideKernels = [
        DebuggerVerdictRow(
            fault: "keys-in-dram", cpu: BootTests.Vectors.wide, condition: .noKey, rules: ["key-material"],
            place: frame)
    ]

    /// Faults in what both vendors share.
    private static func commonFaults(_ cpu: CPUChoice) -> [DebuggerVerdictRow] {
        [
            DebuggerVerdictRow(
                cpu: cpu, freeze: .window, condition: .frozenRegion,
                rules: ["never-frozen", "wider-write-back"],
                place: "the frozen region"),
            DebuggerVerdictRow(
                fault: "cacheable-homes", cpu: cpu, condition: .accountedWrites, rules: ["host-store"],
                place: "the home of", instruction: "gcm_"),
            DebuggerVerdictRow(
                fault: "host-table-in-dram", cpu: cpu, rules: ["host-table"], place: frame),
            DebuggerVerdictRow(
                fault: "page-copy", cpu: cpu, condition: .accountedWrites, rules: ["never-described"],
                place: frame),
            DebuggerVerdictRow(
                fault: "page-copy", cpu: cpu, condition: .noSecret, rules: ["canary"], place: frame),
            DebuggerVerdictRow(
                fault: "plain-homes", cpu: cpu, condition: .accountedWrites, rules: ["wrong-tag"],
                place: "the home of"),
            DebuggerVerdictRow(
                fault: "keys-in-dram", cpu: cpu, condition: .noKey, rules: ["key-material"], place: frame),
            DebuggerVerdictRow(
                fault: "code-in-dram", cpu: cpu, rules: ["host-fetch"], place: frame),
            DebuggerVerdictRow(
                fault: "uncacheable-slots", cpu: cpu, condition: .accountedWrites,
                rules: ["nested-mapping"],
                place: "a nested table or a slot"),
            DebuggerVerdictRow(
                fault: "cache-disabled", cpu: cpu, condition: .frozenRegion, rules: ["cache-rule:uc"],
                place: "the frozen region"),
            DebuggerVerdictRow(
                fault: "nonce-fixed", cpu: cpu, condition: .freshCiphertext, rules: ["nonce-repeated"]),
        ]
    }

    private static let ofIntel = [
        DebuggerVerdictRow(
            fault: "vmcs-in-dram", condition: .accountedWrites, rules: ["control-block"], place: frame,
            instruction: "vmx"),
        DebuggerVerdictRow(
            fault: "io-bitmap-in-dram", guest: "caches", windows: early, condition: .accountedWrites,
            rules: ["control-block"], place: frame, instruction: "the guest at"),
        DebuggerVerdictRow(fault: "ept-table-in-dram", rules: ["nested-table"], place: frame),
        DebuggerVerdictRow(
            fault: "ept-heeds-pat", guest: "types", windows: early, condition: .accountedWrites,
            rules: ["nested-mapping"], place: "a nested table or a slot"),
        DebuggerVerdictRow(
            fault: "ept-heeds-pat", guest: "types", windows: early, condition: .frozenRegion,
            rules: ["cache-rule:uc", "cache-rule:wc", "cache-rule:wt-write"],
            place: "a nested table or a slot",
            instruction: "the guest at"),
        DebuggerVerdictRow(
            fault: "no-wbinvd-exiting", guest: "caches", windows: early, condition: .frozenRegion,
            rules: ["guest-cache-control", "cache-rule:wbinvd"], instruction: "the guest at"),
        DebuggerVerdictRow(
            guest: "flush", windows: early, condition: .frozenRegion,
            rules: ["cache-rule:clflush", "cache-rule:clwb"], instruction: "the guest at"),
        DebuggerVerdictRow(
            guest: "stream", windows: early, condition: .frozenRegion, rules: ["cache-rule:nt-store"],
            place: "a nested table or a slot", instruction: "the guest at"),
    ]

    private static let ofAMD = [
        DebuggerVerdictRow(
            fault: "control-block-in-dram", cpu: .amd, condition: .accountedWrites,
            rules: ["control-block"],
            place: frame, instruction: "svm_enter"),
        DebuggerVerdictRow(
            fault: "nested-table-in-dram", cpu: .amd, rules: ["nested-table"], place: frame),
        DebuggerVerdictRow(
            fault: "guest-pat", guest: "types", cpu: .amd, windows: early, condition: .frozenRegion,
            rules: ["cache-rule:uc", "cache-rule:wc"], place: "a nested table or a slot"),
    ]

    private static let rare = [
        // It has no pages of 1 GiB, and so its memory cannot be kept.
        DebuggerVerdictRow(cpu: .named("corei7_ivy_bridge_3770k"), answer: .notJudged),
        DebuggerVerdictRow(guest: "caches", windows: early, answer: .noViolation),
        DebuggerVerdictRow(guest: "types", windows: early, answer: .noViolation),
        DebuggerVerdictRow(
            fault: "stack-in-dram", condition: .accountedWrites, rules: ["never-described"],
            place: "the home of guest page 0xa0"),
        DebuggerVerdictRow(
            fault: "ept-leaf-to-dram", windows: early, condition: .accountedWrites,
            rules: ["nested-mapping"], place: "the home of guest page 0x110000"),
        DebuggerVerdictRow(
            fault: "real-wbinvd", guest: "caches", windows: early, condition: .frozenRegion,
            rules: ["cache-rule:wbinvd"], instruction: "exit_handle"),
        DebuggerVerdictRow(
            fault: "real-wbinvd", guest: "caches", cpu: .amd, windows: early, condition: .frozenRegion,
            rules: ["cache-rule:wbinvd"], instruction: "exit_handle"),
    ]
}
