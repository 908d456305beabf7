/// What the judge gathers of one condition.
struct Evidence {
    let condition: Condition
    private(set) var count = 0
    private(set) var violations: [Violation] = []
    /// What was looked at; empty when nothing was.
    var figures: [String] = []

    /// Beside the first of each rule.
    private static let kept = 8
    private static let keptOfEachRule = 2

    init(_ condition: Condition) {
        self.condition = condition
    }

    /// Later ones of a kind are only counted, so that the first of each kind is told.
    mutating func add(
        _ rule: String, times: Int = 1, _ sentence: @autoclosure () -> String,
        complete: (inout Violation) -> Void = { _ in }
    ) {
        count += times
        guard hasRoom(for: rule) else { return }
        var violation = Violation(rule: rule, sentence: sentence())
        complete(&violation)
        violations.append(violation)
    }

    private func hasRoom(for rule: String) -> Bool {
        let known = violations.count { $0.rule == rule }
        return known == 0 || (known < Self.keptOfEachRule && violations.count < Self.kept)
    }

    /// Violations of which nothing more is known.
    mutating func count(_ times: Int) {
        count += times
    }

    /// Takes over what another found of the same condition.
    mutating func add(_ other: Evidence) {
        count += other.count
        for violation in other.violations where hasRoom(for: violation.rule) { violations.append(violation) }
        figures += other.figures
    }

    var finding: Finding {
        Finding(
            condition: condition, holds: count > 0 ? false : figures.isEmpty ? nil : true,
            figure: figures.joined(separator: ", "),
            violationCount: count, violations: violations)
    }
}
