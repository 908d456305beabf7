package import FrostFormat
package import FrostSupport

/// What came of a run.
package struct RunResult: Sendable {
    package var ending: RunEnding
    package var exitCode: ExitCode
    /// What was not as asked, a sentence each.
    package var unmet: [String]
    /// What the reader should know of the run's evidence, a sentence each.
    package var warnings: [String]
    package var console: [UInt8]
    package var trace: Trace
    /// Of the trace's times.
    package var clock: RunClock
    package var wallSeconds: Double
    /// Of the emulator; 0 when it is unknown, as with a daemon of libvirt's.
    package var userSeconds: Double
    package var commandLine: String

    package var consoleText: String { String(decoding: console, as: UTF8.self) }
}
