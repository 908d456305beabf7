import CipherBench
import FrostSupport

/// What a run's time-stamp counter counts, and how fast: the unit of all times in its trace.
///
/// - Units: one tick is one step of the counter.
package struct RunClock: Codable, Sendable, Equatable {
    package enum Unit: String, Codable, Sendable {
        /// Of the time-stamp counter, at a rate of its own.
        case cycles
        /// That the CPU carried out: the same run counts the same.
        case instructions
    }

    package var unit: Unit
    /// nil: unknown.
    package var ticksPerSecond: Double?

    package init(unit: Unit, ticksPerSecond: Double? = nil) {
        (self.unit, self.ticksPerSecond) = (unit, ticksPerSecond)
    }

    /// Of a trace of which nothing else is known.
    package static let unknown = RunClock(unit: .cycles)

    /// QEMU's -icount shift=0: an instruction is a nanosecond.
    static let countedByQEMU = RunClock(unit: .instructions, ticksPerSecond: 1e9)

    package func seconds(_ ticks: UInt64) -> Double? {
        ticksPerSecond.map { Double(ticks) / $0 }
    }

    /// For a reader: seconds where the rate is known, else ticks.
    package func text(_ ticks: UInt64) -> String {
        seconds(ticks).map { $0.scaled("s") } ?? "\(Double(ticks).scaled()) \(unit.rawValue)"
    }
}

/// The clock of a machine's trace.
enum MachineClock {
    /// Its own, of a known rate.
    case own(RunClock)
    /// This host's time-stamp counter, whose rate is measured meanwhile.
    case host(HostCounter)

    var now: RunClock {
        switch self {
        case .own(let clock): clock
        case .host(let counter): RunClock(unit: .cycles, ticksPerSecond: counter.ticksPerSecond)
        }
    }
}

/// Measures the rate of this CPU's time-stamp counter.
struct HostCounter {
    private let counter = host_counter()
    private let started = ContinuousClock.now

    /// Since this was made; nil when that was too short a time ago to tell.
    var ticksPerSecond: Double? {
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        return seconds < 0.01 ? nil : Double(host_counter() &- counter) / seconds
    }
}
