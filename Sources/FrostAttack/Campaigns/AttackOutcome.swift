import FrostSupport
/// What became of one attack.
package struct AttackOutcome: Codable, Sendable, Equatable {
    package var number: Int
    /// Of this attack alone.
    package var seed: UInt64
    package var kind: AttackKind
    /// What was changed, or reached for.
    package var targets: [String]
    package var verdict: Verdict
    /// Why, in words; the same words for the same reason where the verdict is not `missed`.
    package var reason: String

    package enum Verdict: String, Codable, Sendable, CaseIterable {
        /// The guest was stopped at the next use of what was changed, and nothing is left of keys and secrets; an image
        /// was refused in words before its key was opened.
        case detected
        /// What was changed was never used, and cannot be.
        case withoutEffect = "without-effect"
        /// An interruption left nothing in DRAM, a device reached nothing, another CPU stands still.
        case held
        /// Anything else.
        case missed
        /// The machine offered no target.
        case notDone = "not-done"
    }
}

extension AttackOutcome: CustomStringConvertible {
    package var description: String {
        let target = targets.isEmpty ? "" : " " + targets.joined(separator: ", ")
        return
            "\(number) seed \(seed.hexadecimal) \(kind.rawValue)\(target): \(verdict.rawValue), \(reason)"
    }
}
