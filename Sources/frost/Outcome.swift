import FrostSupport

/// Thrown by a verb that has said everything, and whose result is an exit code.
struct Outcome: Error {
    let exitCode: ExitCode
}
