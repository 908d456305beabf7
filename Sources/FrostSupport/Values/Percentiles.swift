/// How a quantity was spread.
///
/// - Units: those of the samples.
package struct Percentiles: Codable, Sendable, Equatable {
    package var samples: Int
    package var p50: UInt64
    package var p90: UInt64
    package var p99: UInt64
    package var max: UInt64

    /// Nearest rank; nil without samples.
    package init?(_ samples: [UInt64]) {
        guard !samples.isEmpty else { return nil }
        let sorted = samples.sorted()
        func rank(_ percent: Int) -> UInt64 {
            sorted[(sorted.count * percent + 99) / 100 - 1]
        }
        self.samples = sorted.count
        p50 = rank(50)
        p90 = rank(90)
        p99 = rank(99)
        max = sorted[sorted.count - 1]
    }
}
