package import FrostSupport

/// What a run waits for: an emulator that we started, or a domain of libvirt's.
protocol MachineProcess: ~Copyable {
    /// SIGTERM asks it to end, SIGKILL ends it.
    func send(_ signal: Int32)
    /// Its end if it has ended; must not be called again once it has answered.
    func end(waiting: Bool) -> ChildProcess.End?
    /// Why its end is unknown; nil: it is known.
    var loss: (any Explained)? { get }
}

extension ChildProcess: MachineProcess {
    var loss: (any Explained)? { nil }
}
