package import FrostSupport

/// The answer to one run that Bochs's debugger watched: does anything speak against it?
///
/// Less than ``CacheVerdict``: Bochs has no cache, and only stretches of the run were traced. So nothing is ever called
/// proven by it.
/// - Source: docs/design/debugger-verdict.md says what each condition means and what shows it.
package struct DebuggerVerdict: RunVerdict, Codable, Sendable, Equatable {
    package enum Answer: String, Codable, Sendable {
        case noViolation = "no-violation"
        case violation
        case notJudged = "not-judged"

        package var exitCode: ExitCode {
            switch self {
            case .noViolation: .asAsked
            case .violation: .otherwise
            case .notJudged: .notProvable
            }
        }
    }

    /// A stretch of the run of which each instruction and each access is known.
    package struct Window: Codable, Sendable, Equatable {
        /// The hypervisor's function that it began with.
        package var start: String
        /// Ticks since reset.
        package var instant: UInt64
        package var instructions: UInt64
        package var guestInstructions: UInt64
        package var accesses: UInt64
    }

    package var answer: Answer
    package var windows: [Window]
    package var findings: [Finding]
    /// Why this record shows nothing, a sentence each.
    package var faults: [String]
    /// What was looked at, a sentence each.
    package var coverage: [String]
    /// What no verdict of this kind shows.
    package var limits: [String]
    package var notes: [String]

    /// What the debugger shows of a condition: less than the condition.
    static func statement(_ condition: Condition) -> String {
        switch condition {
        case .accountedWrites:
            "In the windows each write to DRAM is ciphertext whose tag OpenSSL verifies, or an erasure; so is each home at the end."
        case .noSecret: "No canary stands in DRAM at the end, nor in what the windows saw written there."
        case .noKey: "No page key, round key or hash key does."
        case .frozenRegion:
            "Each line of the region was stored to while it froze; in the windows each access to it was write-back, and nothing flushed it."
        case .freshCiphertext: "No nonce was used twice in the windows; no two homes are the same at the end."
        case .noFetch:
            "In the windows the hypervisor's instructions, page walks, nested walks and control blocks came from the region."
        }
    }

    static let limits = [
        "The cache: Bochs has none. That the region stays in one is shown by the model of frost verify under QEMU only.",
        "What lies between the windows, but for memory at the end.",
        "Memory that is not accessed: a range that is write-back and should not be shows when it is used.",
        "SVM's host state area, descriptor tables that no event uses, devices that write to memory: Bochs's CPU does not access them, or does not tell.",
    ]
}

extension DebuggerVerdict: CustomStringConvertible {
    package var description: String {
        var lines = ["verdict      \(headline)"]
        for window in windows {
            lines.append(
                "window       \(window.start) at \(window.instant): \(window.instructions.of("instruction")), "
                    + "\(window.guestInstructions) of them the guest's, \(window.accesses.of("access", "accesses"))"
            )
        }
        return (lines + reasons(Self.statement)).joined(separator: "\n")
    }

    private var headline: String {
        let instructions = windows.reduce(0) { $0 + $1.instructions }
        let accesses = windows.reduce(0) { $0 + $1.accesses }
        switch answer {
        case .noViolation:
            return
                "NO VIOLATION: nothing against it in \(windows.count.of("window")) of \(instructions.of("instruction")) and "
                + accesses.of("access", "accesses")
        case .violation:
            return "VIOLATION: \(findings.broken)"
        case .notJudged: return "NOT JUDGED: nothing against it was seen, but this record shows too little"
        }
    }
}
