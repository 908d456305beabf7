package import FrostSupport

/// The answer to one recorded run: did plaintext or a key reach DRAM?
///
/// - Source: docs/design/proof.md says what each condition means and what shows it.
package struct Verdict: Codable, Sendable, Equatable {
    package enum Answer: String, Codable, Sendable {
        case proven
        case leaked
        case notProvable = "not-provable"

        package var exitCode: ExitCode {
            switch self {
            case .proven: .asAsked
            case .leaked: .otherwise
            case .notProvable: .notProvable
            }
        }
    }

    /// What must hold. In the order of the report.
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
            case .frozenRegion: "No line of the frozen region left the cache after it was frozen."
            case .freshCiphertext: "No block of ciphertext was seen twice, and no nonce was used twice."
            case .noFetch: "The hypervisor took no instruction and no table from DRAM after the freeze."
            }
        }
    }

    package struct Finding: Codable, Sendable, Equatable {
        package var condition: Condition
        /// Nil when the record was too poor to judge it.
        package var holds: Bool?
        /// What was looked at, in numbers.
        package var figure: String
        /// All that broke the condition.
        package var offenceCount: Int
        /// The first of them.
        package var offences: [Offence]
    }

    /// One thing that broke a condition.
    package struct Offence: Codable, Sendable, Equatable {
        /// Lower case, dashes; never changes once published.
        package var rule: String
        /// What happened, in a sentence.
        package var sentence: String
        /// Instructions since reset.
        package var instant: UInt64?
        /// Host-physical.
        package var address: UInt64?
        /// What lies there.
        package var place: String?
        /// Who did it: an instruction of the guest, or a line of the hypervisor's source.
        package var instruction: String?
        /// Where the rule comes from.
        package var source: String?
    }

    package struct Model: Codable, Sendable, Equatable {
        package var preset: String?
        package var vendor: String
        package var lineBytes: UInt32
        package var sets: UInt32
        package var ways: UInt32
        package var slices: UInt32
        package var replacement: String
        package var seed: UInt64
        /// What a region may count on.
        package var usableBytes: UInt64
        package var regionBytes: UInt64
    }

    package var answer: Answer
    package var findings: [Finding]
    /// Why this record proves nothing, a sentence each.
    package var faults: [String]
    package var model: Model
    /// Which route covered what, a sentence each.
    package var coverage: [String]
    /// What no verdict of this kind shows.
    package var limits: [String]
    package var notes: [String]

    package func finding(_ condition: Condition) -> Finding? {
        findings.first { $0.condition == condition }
    }
}

/// What the judge gathers of one condition.
struct Evidence {
    let condition: Verdict.Condition
    private(set) var count = 0
    private(set) var offences: [Verdict.Offence] = []
    /// What was looked at; empty when nothing was.
    var figures: [String] = []

    /// Beside the first of each rule.
    private static let kept = 8
    private static let keptOfEachRule = 2

    init(_ condition: Verdict.Condition) {
        self.condition = condition
    }

    /// Later ones of a kind are only counted, so that the first of each kind is told.
    mutating func add(
        _ rule: String, times: Int = 1, _ sentence: @autoclosure () -> String,
        complete: (inout Verdict.Offence) -> Void = { _ in }
    ) {
        count += times
        guard hasRoom(for: rule) else { return }
        var offence = Verdict.Offence(rule: rule, sentence: sentence())
        complete(&offence)
        offences.append(offence)
    }

    private func hasRoom(for rule: String) -> Bool {
        let known = offences.count { $0.rule == rule }
        return known == 0 || (known < Self.keptOfEachRule && offences.count < Self.kept)
    }

    /// Offences of which nothing more is known.
    mutating func count(_ times: Int) {
        count += times
    }

    /// Takes over what another found of the same condition.
    mutating func add(_ other: Evidence) {
        count += other.count
        for offence in other.offences where hasRoom(for: offence.rule) { offences.append(offence) }
        figures += other.figures
    }

    var finding: Verdict.Finding {
        Verdict.Finding(
            condition: condition, holds: count > 0 ? false : figures.isEmpty ? nil : true,
            figure: figures.joined(separator: ", "),
            offenceCount: count, offences: offences)
    }
}
