import FrostFormat
package import FrostSupport

/// What two sweeps are compared by.
package enum SweepMetric: String, Codable, Sendable, CaseIterable {
    case misses
    case softMisses = "soft-misses"
    case opens
    case seals
    case drops
    case metadataOpens = "metadata-opens"
    case metadataSeals = "metadata-seals"
    case exits
    case slots
    case firstTouches = "first-touches"
    case complaints
    case userSeconds = "user-seconds"

    /// nil: this run does not tell.
    func value(of result: SweepResult) -> Double? {
        func sum(_ counters: [TraceCounter]) -> Double? {
            let counts = counters.compactMap { result.counts[$0.name] }
            return counts.isEmpty ? nil : counts.reduce(0) { $0 + Double($1) }
        }
        return switch self {
        case .misses: sum([.miss])
        case .softMisses: sum([.softMiss])
        case .opens: sum([.openImaged, .openSealed])
        case .seals: sum([.seal])
        case .drops: sum([.drop])
        case .metadataOpens: sum([.metadataOpen])
        case .metadataSeals: sum([.metadataSeal])
        case .exits: sum([.exitCPUID, .exitMSR, .exitCR, .exitPort, .exitCache, .exitDenied, .exitDevice])
        case .slots: result.slots.map { Double($0) }
        case .firstTouches: result.firstTouches.map { Double($0) }
        case .complaints: result.complaints.map { Double($0.count) }
        case .userSeconds: result.userSeconds
        }
    }

    /// Any difference counts, and not only growth.
    var isExact: Bool { self == .slots || self == .firstTouches }

    /// Repetitions are taken as one: their least time, their middle count.
    func value(of results: [SweepResult]) -> Double? {
        let values = results.compactMap { value(of: $0) }.sorted()
        guard !values.isEmpty else { return nil }
        return self == .userSeconds ? values[0] : values[values.count / 2]
    }

    /// Timers make counts differ a little from run to run; CPU time differs with whatever else runs.
    var tolerance: SweepTolerance {
        if isExact { return SweepTolerance(share: 0) }
        return switch self {
        case .userSeconds: SweepTolerance(share: 0.5, slack: 0.5)
        case .complaints: SweepTolerance(share: 0)
        default: SweepTolerance(share: 0.02, slack: 4)
        }
    }
}

/// By how much a metric may differ.
package struct SweepTolerance: Sendable, Equatable {
    /// Of the old value: 0.02 are 2 %.
    package var share: Double
    /// In the metric's unit; allowed in any case.
    package var slack = 0.0

    /// Reads `misses=2%,user-seconds=50%`.
    /// - Throws: ``Failure``
    package static func parse(_ text: String) throws(Failure) -> [SweepMetric: SweepTolerance] {
        var tolerances: [SweepMetric: SweepTolerance] = [:]
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, let metric = SweepMetric(rawValue: String(sides[0])) else {
                throw .unknown(String(part))
            }
            guard sides[1].hasSuffix("%"), let percent = Double(sides[1].dropLast()), percent.isFinite,
                percent >= 0
            else { throw .noShare(String(part)) }
            guard tolerances.updateValue(SweepTolerance(share: percent / 100), forKey: metric) == nil else {
                throw .twice(metric)
            }
        }
        return tolerances
    }

    package enum Failure: Explained, Equatable {
        case unknown(String)
        case noShare(String)
        case twice(SweepMetric)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .unknown(let part):
                """
                '\(part)' is no tolerance. Write METRIC=SHARE, such as misses=2%; metrics: \
                \(SweepMetric.allCases.map(\.rawValue).joined(separator: ", ")).
                """
            case .noShare(let part): "'\(part)' has no share. Write it in percent, such as misses=2%."
            case .twice(let metric): "The tolerance of \(metric.rawValue) is there twice. Leave one out."
            }
        }
    }
}
