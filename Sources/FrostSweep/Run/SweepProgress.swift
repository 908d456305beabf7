import Foundation
import FrostSupport
import Glibc

/// How far a sweep is, for a user who waits for it.
struct SweepProgress {
    private let total: Int
    private let jobs: Int
    private var done = 0
    /// Of the cells that are to be run still.
    private var left: [NamedCell]
    private var known: [SweepResult]

    /// - Parameters:
    ///   - finished: results of earlier runs: they tell how long cells take.
    ///   - jobs: cells that run at the same time.
    init(total: Int, left: [NamedCell], finished: [SweepResult], jobs: Int) {
        (self.total, self.left, self.jobs) = (total, left, max(1, jobs))
        done = total - left.count
        known = finished
    }

    /// A line for a cell that has ended.
    mutating func line(for result: SweepResult) -> String {
        done += 1
        left.removeAll { $0.name == result.name }
        known.append(result)
        let width = "\(total)".count
        let count = String(repeating: " ", count: width - "\(done)".count) + "\(done)/\(total)"
        let time = result.wallSeconds.map { ", \($0.formatted(places: 1)) s" } ?? ""
        let reason = result.outcome == .passed ? "" : ": \(result.reason ?? "?")"
        return "\(count)  \(result.name): \(result.outcome.rawValue)\(time)\(reason)\(rest)"
    }

    private var rest: String {
        guard !left.isEmpty, let seconds = secondsLeft else { return "" }
        return "; about \(Self.text(seconds)) left"
    }

    /// By what cells like them took; nil: nothing is known yet.
    var secondsLeft: Double? {
        let timed = known.compactMap { result in result.wallSeconds.map { (result.cell, $0) } }
        guard !timed.isEmpty else { return nil }
        func mean(_ isAlike: (SweepCell) -> Bool) -> Double? {
            let alike = timed.filter { isAlike($0.0) }.map(\.1)
            return alike.isEmpty ? nil : alike.reduce(0, +) / Double(alike.count)
        }
        let work = left.reduce(0.0) { sum, named in
            let cell = named.cell
            let expected =
                mean { $0.withoutRepetition == cell.withoutRepetition }
                ?? mean { $0.image == cell.image && $0.platform == cell.platform && $0.frozen == cell.frozen }
                ?? mean { $0.image == cell.image && $0.platform == cell.platform }
                ?? mean { $0.platform == cell.platform } ?? mean { _ in true }
            return sum + (expected ?? 0)
        }
        return work / Double(min(jobs, max(1, left.count)))
    }

    static func text(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded(.up))
        if whole < 90 { return "\(whole) s" }
        if whole < 5400 { return "\((whole + 30) / 60) min" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
}
