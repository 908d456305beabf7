/// The answer to one run that Bochs's debugger watched: does anything speak against it?
///
/// Less than ``Verdict``: Bochs has no cache, and only stretches of the run were traced. So nothing is ever called
/// proven by it.
/// - Source: docs/design/debugger-verdict.md says what each condition means and what shows it.
public struct OracleVerdict: Codable, Sendable, Equatable {
    public enum Answer: String, Codable, Sendable {
        case noOffence = "no-offence"
        case offence
        case notJudged = "not-judged"

        public var exitCode: ExitCode {
            switch self {
            case .noOffence: .asAsked
            case .offence: .otherwise
            case .notJudged: .notProvable
            }
        }
    }

    /// A stretch of the run of which each instruction and each access is known.
    public struct Window: Codable, Sendable, Equatable {
        /// The hypervisor's function that it began with.
        public var start: String
        /// Ticks since reset.
        public var instant: UInt64
        public var instructions: UInt64
        public var guestInstructions: UInt64
        public var accesses: UInt64
    }

    public var answer: Answer
    public var windows: [Window]
    public var findings: [Verdict.Finding]
    /// Why this record shows nothing, a sentence each.
    public var faults: [String]
    /// What was looked at, a sentence each.
    public var coverage: [String]
    /// What no verdict of this kind shows.
    public var limits: [String]
    public var notes: [String]

    public func finding(_ condition: Verdict.Condition) -> Verdict.Finding? {
        findings.first { $0.condition == condition }
    }

    /// What the oracle can say of a condition: less than the condition.
    static func statement(_ condition: Verdict.Condition) -> String {
        switch condition {
        case .accountedWrites:
            "In the windows each write to DRAM is ciphertext whose tag OpenSSL verifies, or an erasure; so is each home at the end."
        case .noSecret: "No canary stands in DRAM at the end, nor in what the windows saw written there."
        case .noKey: "No page key, round key or hash key does."
        case .frozenRegion:
            "Each line of the region was stored to while it froze; in the windows each access to it was write-back, and nobody flushed."
        case .freshCiphertext: "No nonce was used twice in the windows; no two homes are the same at the end."
        case .noFetch:
            "In the windows the hypervisor's instructions, page walks, nested walks and control blocks came from the region."
        }
    }

    static let limits = [
        "The cache: Bochs has none. That the region stays in one is shown by the model of frost verify under QEMU only.",
        "What lies between the windows, but for memory at the end.",
        "Memory that nobody accesses: a range that is write-back and should not be shows when it is used.",
        "SVM's host state area, descriptor tables that no event uses, devices that write to memory: Bochs's CPU does not access them, or does not tell.",
    ]
}

extension OracleVerdict: CustomStringConvertible {
    public var description: String {
        var lines = ["verdict      \(headline)"]
        for window in windows {
            lines.append(
                "window       \(window.start) at \(window.instant): \(window.instructions.of("instruction")), "
                    + "\(window.guestInstructions) of them the guest's, \(window.accesses.of("access", "accesses"))"
            )
        }
        for finding in findings { lines += finding.lines(Self.statement(finding.condition)) }
        lines += faults.map { "why not      \($0)" }
        lines += coverage.map { "shown by     \($0)" }
        lines += notes.map { "note         \($0)" }
        lines += limits.map { "not shown    \($0)" }
        return lines.joined(separator: "\n")
    }

    private var headline: String {
        let instructions = windows.reduce(0) { $0 + $1.instructions }
        let accesses = windows.reduce(0) { $0 + $1.accesses }
        switch answer {
        case .noOffence:
            return
                "NO OFFENCE: nothing against it in \(windows.count.of("window")) of \(instructions.of("instruction")) and "
                + accesses.of("access", "accesses")
        case .offence:
            return "OFFENCE: \(findings.broken)"
        case .notJudged: return "NOT JUDGED: nothing against it was seen, but this record shows too little"
        }
    }
}
