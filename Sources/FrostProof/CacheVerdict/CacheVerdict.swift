package import FrostSupport

/// The answer to one recorded run: did plaintext or a key reach DRAM?
///
/// - Source: docs/design/proof.md says what each condition means and what shows it.
package struct CacheVerdict: RunVerdict, Codable, Sendable, Equatable {
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
    /// nil: the guest shared none.
    package var shared: SharedPages?
}
