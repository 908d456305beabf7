/// What came of a run.
public struct RunResult: Sendable {
    public var ending: RunEnding
    public var exitCode: ExitCode
    /// What was not as asked, a sentence each.
    public var complaints: [String]
    /// What the reader should know of the run's evidence, a sentence each.
    public var warnings: [String]
    public var console: [UInt8]
    public var trace: Trace
    /// Of the trace's times.
    public var clock: RunClock
    public var wallSeconds: Double
    /// Of the emulator; 0 when nobody tells, as with a daemon of libvirt's.
    public var userSeconds: Double
    public var commandLine: String

    public var consoleText: String { String(decoding: console, as: UTF8.self) }
}
