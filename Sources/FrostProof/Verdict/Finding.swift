/// What was found of one condition.
package struct Finding: Codable, Sendable, Equatable {
    package var condition: Condition
    /// Nil when the record was too poor to judge it.
    package var holds: Bool?
    /// What was looked at, in numbers.
    package var figure: String
    /// All that broke the condition.
    package var violationCount: Int
    /// The first of them.
    package var violations: [Violation]
}
