import CLibvirt
import Foundation
import FrostSupport
import Glibc
import Synchronization

/// Waits for the processes that libvirt's embedded driver puts off as daemons.
///
/// It would leave them to process 1. We adopt them instead: so QEMU's end and CPU time are known, `setpriv` can tie its
/// life to ours, and none stays a zombie, for whose going libvirt waits up to half a minute.
///
/// - Source: prctl(2), PR_SET_CHILD_SUBREAPER.
final class OrphanWatch: Sendable {
    static let shared = OrphanWatch()

    /// A process that was left to us.
    final class Orphan: Sendable {
        private let ended = Mutex<ChildProcess.End?>(nil)

        /// nil: it has not ended within `patience`.
        func end(patience: Duration) -> ChildProcess.End? {
            let deadline = ContinuousClock.now + patience
            while true {
                if let end = ended.withLock({ $0 }) { return end }
                guard ContinuousClock.now < deadline else { return nil }
                usleep(1000)
            }
        }

        fileprivate func hasEnded(_ end: ChildProcess.End) {
            ended.withLock { $0 = end }
        }
    }

    private struct State {
        var pidFiles: [Int: @Sendable () -> [URL]] = [:]
        var nextNumber = 0
        var orphans: [pid_t: Orphan] = [:]
        var isRunning = false

        mutating func known(_ process: pid_t) -> Orphan {
            if let orphan = orphans[process] { return orphan }
            let orphan = Orphan()
            orphans[process] = orphan
            return orphan
        }
    }

    private let state = Mutex(State())
    private static let tickMicroseconds: UInt32 = 10_000

    private init() {
        _ = adopt_orphans()
    }

    /// Until ``end()``: reaps what libvirt starts, if it writes the process into one of the files.
    struct Reaping {
        fileprivate let number: Int

        func end() {
            OrphanWatch.shared.state.withLock { $0.pidFiles[number] = nil }
        }
    }

    func reap(_ pidFiles: @escaping @Sendable () -> [URL]) -> Reaping {
        let number = state.withLock { state in
            state.nextNumber += 1
            state.pidFiles[state.nextNumber] = pidFiles
            return state.nextNumber
        }
        run()
        return Reaping(number: number)
    }

    /// The process whose number stands in a file.
    func orphan(of pidFile: URL) -> Orphan? {
        guard let process = Self.process(in: pidFile) else { return nil }
        return state.withLock { $0.known(process) }
    }

    private static func process(in pidFile: URL) -> pid_t? {
        let text = try? String(contentsOf: pidFile, encoding: .utf8)
        return text.flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    /// One thread, as long as there is anything to wait for.
    private func run() {
        let mustStart = state.withLock { state in
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart {
            Thread.detachNewThread { [self] in while look() { usleep(Self.tickMicroseconds) } }
        }
    }

    /// Returns whether there is anything left to look at.
    private func look() -> Bool {
        let files = state.withLock { $0.pidFiles.values.map(\.self) }.flatMap { $0() }
        let seen = files.compactMap(Self.process)
        return state.withLock { state in
            seen.forEach { _ = state.known($0) }
            for (process, orphan) in state.orphans {
                // It is not ours yet while the process that puts it off lives.
                let isThere = kill(process, 0) == 0
                if let end = ChildProcess.reap(process, waiting: false) {
                    orphan.hasEnded(end)
                    state.orphans[process] = nil
                } else if !isThere {
                    state.orphans[process] = nil
                }
            }
            state.isRunning = !state.orphans.isEmpty || !state.pidFiles.isEmpty
            return state.isRunning
        }
    }
}
