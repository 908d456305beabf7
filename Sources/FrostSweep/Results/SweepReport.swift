package import Foundation
import FrostFormat
import FrostProof
package import FrostSupport

/// A whole sweep: `sweep.json`, and what `frost sweep` prints.
package struct SweepReport: Codable, Sendable {
    package static let format = 1

    package var format = SweepReport.format
    package var title: String
    package var cells: [SweepResult]
    /// In the matrix.
    package var cellCount: Int
    /// How many cells had which outcome, by name.
    package var outcomes: [String: Int]
    /// Of this invocation.
    package var wallSeconds: Double
    package var isInterrupted: Bool
    /// With the baseline, if there was one.
    package var comparison: SweepComparison?

    init(title: String, cells: [SweepResult], of cellCount: Int, wallSeconds: Double, isInterrupted: Bool) {
        (self.title, self.cells, self.cellCount) = (title, cells, cellCount)
        (self.wallSeconds, self.isInterrupted) = (wallSeconds, isInterrupted)
        outcomes = Dictionary(grouping: cells, by: \.outcome.rawValue).mapValues(\.count)
    }

    /// - Throws: ``Failure``
    package init(reading file: URL) throws(Failure) {
        guard let data = try? Data(contentsOf: file) else { throw .missing(file.plainPath) }
        guard let report = try? JSON.decode(SweepReport.self, from: data),
            report.format == Self.format
        else { throw .foreign(file.plainPath) }
        self = report
    }

    package func count(_ outcome: SweepResult.Outcome) -> Int { outcomes[outcome.rawValue] ?? 0 }

    package var exitCode: ExitCode {
        if isInterrupted { return .interrupted }
        if count(.failed) > 0 { return .otherwise }
        if count(.broken) > 0 { return .unavailable }
        return comparison?.regressions.isEmpty ?? true ? .asAsked : .regression
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case foreign(String)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .foreign: .badInput
            }
        }

        package var description: String {
            switch self {
            case .missing(let path): "There is no baseline \(path). Give the sweep.json of an earlier sweep."
            case .foreign(let path):
                "\(path) is not the sweep.json of a sweep. Give one, such as old/sweep.json."
            }
        }
    }
}

extension SweepReport: CustomStringConvertible {
    package var description: String {
        let rows = cells.map { result in
            func count(_ metric: SweepMetric) -> String {
                metric.value(of: result).map { "\(UInt64(saturating: $0))" } ?? ""
            }
            return [
                result.name, result.verdict?.rawValue ?? result.outcome.rawValue,
                result.ending?.rawValue ?? "", count(.slots), count(.misses), count(.opens), count(.seals),
                result.userSeconds?.formatted(places: 2) ?? "", result.place ?? "",
            ]
        }
        let table = TextTable(
            ["cell", "outcome", "ending", "slots", "misses", "opens", "seals", "CPU s", "place"], rows)
        let reasons = cells.filter { $0.outcome != .passed }.map {
            "\($0.outcome.rawValue)  \($0.name): \($0.reason ?? "?")"
        }
        var parts = ["\(table)"]
        if !reasons.isEmpty { parts.append(reasons.joined(separator: "\n")) }
        if let comparison { parts.append("\(comparison)") }
        let counts = SweepResult.Outcome.allCases.filter { count($0) > 0 }.map {
            "\(count($0)) \($0.rawValue)"
        }
        var last = "\(title): \(cells.count) of \(cellCount.of("cell")): \(counts.joined(separator: ", "))"
        if isInterrupted { last += "; interrupted: the same command goes on from here" }
        return (parts + [last]).joined(separator: "\n\n")
    }
}
