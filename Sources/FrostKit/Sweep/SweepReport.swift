public import Foundation

/// A whole sweep: `sweep.json`, and what `frost sweep` prints.
public struct SweepReport: Codable, Sendable {
    public static let format = 1

    public var format = SweepReport.format
    public var title: String
    public var cells: [SweepResult]
    /// In the matrix.
    public var cellCount: Int
    /// How many cells had which outcome, by name.
    public var outcomes: [String: Int]
    /// Of this invocation.
    public var wallSeconds: Double
    public var isInterrupted: Bool
    /// With the baseline, if there was one.
    public var comparison: SweepComparison?

    init(title: String, cells: [SweepResult], of cellCount: Int, wallSeconds: Double, isInterrupted: Bool) {
        (self.title, self.cells, self.cellCount) = (title, cells, cellCount)
        (self.wallSeconds, self.isInterrupted) = (wallSeconds, isInterrupted)
        outcomes = Dictionary(grouping: cells, by: \.outcome.rawValue).mapValues(\.count)
    }

    /// - Throws: ``Failure``
    public init(reading file: URL) throws(Failure) {
        guard let data = try? Data(contentsOf: file) else { throw .missing(file.plainPath) }
        guard let report = try? JSONDecoder().decode(SweepReport.self, from: data),
            report.format == Self.format
        else { throw .foreign(file.plainPath) }
        self = report
    }

    public func count(_ outcome: SweepResult.Outcome) -> Int { outcomes[outcome.rawValue] ?? 0 }

    public var exitCode: ExitCode {
        if isInterrupted { return .interrupted }
        if count(.failed) > 0 { return .otherwise }
        if count(.broken) > 0 { return .unavailable }
        return comparison?.regressions.isEmpty ?? true ? .asAsked : .regression
    }

    public enum Failure: Explained, Equatable {
        case missing(String)
        case foreign(String)

        public var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .foreign: .badInput
            }
        }

        public var description: String {
            switch self {
            case .missing(let path): "There is no baseline \(path). Give the sweep.json of an earlier sweep."
            case .foreign(let path):
                "\(path) is not the sweep.json of a sweep. Give one, such as old/sweep.json."
            }
        }
    }
}

extension SweepReport: CustomStringConvertible {
    public var description: String {
        let rows = cells.map { result in
            func count(_ metric: SweepMetric) -> String {
                metric.value(of: result).map { "\(UInt64($0))" } ?? ""
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
