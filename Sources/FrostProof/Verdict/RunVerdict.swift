/// What verdicts of both kinds consist of.
package protocol RunVerdict {
    var findings: [Finding] { get }
    var faults: [String] { get }
    var coverage: [String] { get }
    var notes: [String] { get }
    var limits: [String] { get }
}

extension RunVerdict {
    package func finding(_ condition: Condition) -> Finding? {
        findings.first { $0.condition == condition }
    }

    /// What stands behind the answer, for people.
    ///
    /// - Parameter statement: what the condition says where it holds.
    func reasons(_ statement: (Condition) -> String) -> [String] {
        findings.flatMap { $0.lines(statement($0.condition)) }
            + faults.map { "why not      \($0)" }
            + coverage.map { "shown by     \($0)" }
            + notes.map { "note         \($0)" }
            + limits.map { "not shown    \($0)" }
    }
}
