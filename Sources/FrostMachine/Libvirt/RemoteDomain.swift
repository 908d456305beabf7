import FrostSupport
import Glibc

/// A domain whose console and trace are on their way to us.
struct RemoteDomain: MachineProcess {
    private let domain: LibvirtDomain
    private let lines: [LibvirtStream]

    /// For what is on its way once the domain has ended.
    private static let patience = Duration.seconds(10)

    init(_ domain: LibvirtDomain, _ lines: [LibvirtStream]) {
        (self.domain, self.lines) = (domain, lines)
    }

    var loss: (any Explained)? { domain.loss }

    func send(_ signal: Int32) { domain.send(signal) }

    func end(waiting: Bool) -> ChildProcess.End? {
        guard let end = domain.end(waiting: waiting) else { return nil }
        let deadline = ContinuousClock.now + Self.patience
        while waiting && !isDrained && ContinuousClock.now < deadline { usleep(5000) }
        return waiting || isDrained ? end : nil
    }

    private var isDrained: Bool { lines.allSatisfy(\.isEnded) }
}
