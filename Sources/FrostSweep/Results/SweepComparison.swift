import FrostProof
import FrostSupport

/// A sweep against an earlier one, cell by cell.
package struct SweepComparison: Codable, Sendable, Equatable {
    package struct Difference: Codable, Sendable, Equatable {
        package var cell: String
        /// Of ``SweepMetric``, or `outcome`.
        package var metric: String
        package var old: String
        package var new: String
        /// What would have been no regression.
        package var allowed: String
    }

    /// Cells that both have.
    package var compared = 0
    package var regressions: [Difference] = []
    /// Better by more than the tolerance.
    package var improvements: [Difference] = []
    /// Cells that one of them lacks, a sentence each.
    package var notes: [String] = []

    /// - Parameter tolerances: what differs from each metric's own.
    init(_ new: [SweepResult], baseline: [SweepResult], tolerances: [SweepMetric: SweepTolerance] = [:]) {
        let (before, after) = (Self.groups(baseline), Self.groups(new))
        for (name, results) in after {
            guard let old = before.first(where: { $0.name == name })?.results else {
                notes.append("\(name) is not in the baseline.")
                continue
            }
            compared += 1
            compare(name, old, results)
            for metric in SweepMetric.allCases {
                compare(name, metric, old, results, tolerances[metric] ?? metric.tolerance)
            }
        }
        for (name, _) in before where !after.contains(where: { $0.name == name }) {
            notes.append("\(name) of the baseline was not run.")
        }
    }

    /// Repetitions together, in order.
    private static func groups(_ results: [SweepResult]) -> [(name: String, results: [SweepResult])] {
        var groups: [(name: String, results: [SweepResult])] = []
        for result in results {
            if let index = groups.firstIndex(where: { $0.name == result.base }) {
                groups[index].results.append(result)
            } else {
                groups.append((result.base, [result]))
            }
        }
        return groups
    }

    /// A cell that passed must pass.
    private mutating func compare(_ name: String, _ old: [SweepResult], _ new: [SweepResult]) {
        func words(_ results: [SweepResult]) -> String {
            let worst = results.first { $0.outcome != .passed } ?? results[0]
            return worst.verdict?.rawValue ?? worst.outcome.rawValue
        }
        let (was, isNow) = (
            old.allSatisfy { $0.outcome == .passed }, new.allSatisfy { $0.outcome == .passed }
        )
        guard was != isNow else { return }
        let difference = Difference(
            cell: name, metric: "outcome", old: words(old), new: words(new), allowed: words(old))
        if was { regressions.append(difference) } else { improvements.append(difference) }
    }

    private mutating func compare(
        _ name: String, _ metric: SweepMetric, _ old: [SweepResult], _ new: [SweepResult],
        _ tolerance: SweepTolerance
    ) {
        guard let before = metric.value(of: old), let after = metric.value(of: new) else { return }
        let room = max(before * tolerance.share, tolerance.slack)
        func text(_ value: Double) -> String {
            metric == .userSeconds ? value.formatted(places: 2) : "\(Int64(value))"
        }
        let span = metric.isExact && room > 0 ? "\(text(before - room)) to " : ""
        let difference = Difference(
            cell: name, metric: metric.rawValue, old: text(before), new: text(after),
            allowed: span + text(before + room))
        if after > before + room || metric.isExact && after < before - room {
            regressions.append(difference)
        } else if after < before - room {
            improvements.append(difference)
        }
    }
}

extension SweepComparison: CustomStringConvertible {
    package var description: String {
        var parts = [
            "\(compared.of("cell")) compared with the baseline: \(regressions.count.of("regression")), "
                + "\(improvements.count.of("improvement"))"
        ]
        for (title, differences) in [("worse", regressions), ("better", improvements)]
        where !differences.isEmpty {
            parts.append("\(TextTable([title, "metric", "old", "new", "allowed"], differences.map(\.row)))")
        }
        return (parts + notes).joined(separator: "\n")
    }
}

extension SweepComparison.Difference {
    fileprivate var row: [String] { [cell, metric, old, new, allowed] }
}
