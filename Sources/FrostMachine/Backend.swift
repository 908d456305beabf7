import FrostFormat
import FrostHost

/// All that a platform is to the rest: a folder of its own, and a row in ``Platform/backend(connect:)``.
protocol Backend: Sendable {
    /// What can be asked of its machines; known before booting.
    var capabilities: Set<Capability> { get }
    /// Of something that it has not.
    func refusal(_ missing: Capability) -> Platform.Failure
    /// Why it cannot run on this host, and what to do; nil: it can.
    func lack(on host: HostKVM) -> String?
    /// Starts the run's machine, and has ``RunJob/watch(_:_:)`` follow it to its end; nothing of it is left running then.
    func boot(_ run: RunJob, in folder: RunFolder) throws -> RunResult
}
