import Glibc
import Synchronization

/// Remembers the signals that ask us to end, so that a run can end in order.
package final class SignalWatch {
    private static let caught = Atomic<Int32>(0)
    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
    private var previous: [sigaction] = []

    package init() {
        Self.caught.store(0, ordering: .relaxed)
        // Our parent may have blocked them: a thread of a pool passes on its mask.
        var ours = sigset_t()
        sigemptyset(&ours)
        for signal in Self.signals { sigaddset(&ours, signal) }
        pthread_sigmask(SIG_UNBLOCK, &ours, nil)
        for signal in Self.signals {
            var action = sigaction()
            var old = sigaction()
            action.__sigaction_handler.sa_handler = { SignalWatch.caught.store($0, ordering: .relaxed) }
            sigaction(signal, &action, &old)
            previous.append(old)
        }
    }

    /// Puts back what was there.
    deinit {
        for (signal, var action) in zip(Self.signals, previous) { sigaction(signal, &action, nil) }
    }

    package static var isCaught: Bool { caught.load(ordering: .relaxed) != 0 }
    var isCaught: Bool { Self.isCaught }
}
