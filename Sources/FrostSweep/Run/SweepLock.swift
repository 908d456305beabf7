import Foundation
import FrostSupport
import Glibc

/// The right to work in a sweep's folder: held by one sweep, and by the machines that it started.
final class SweepLock: Sendable {
    /// Children keep it open, so that a sweep that was killed is over only when its machines are gone.
    let descriptor: Int32

    /// The time that the machines of a killed sweep get to end.
    private static let patience = Duration.seconds(20)

    /// - Throws: ``SweepFolder/Failure``
    init(_ folder: SweepFolder, progress: (String) -> Void) throws(SweepFolder.Failure) {
        let path = folder.lock.plainPath
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .cannotWrite(path) }
        let start = ContinuousClock.now
        var isTold = false
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let owner = Self.owner(path)
            let isAlive = owner.map { kill($0, 0) == 0 || errno == EPERM } ?? false
            guard !isAlive, ContinuousClock.now - start < Self.patience else {
                close(descriptor)
                throw .busy(folder.folder.plainPath, process: isAlive ? owner : nil)
            }
            if !isTold { progress("waiting for the machines of a killed sweep to end") }
            isTold = true
            usleep(50_000)
        }
        ftruncate(descriptor, 0)
        let words = [UInt8]("\(getpid())\n".utf8)
        _ = pwrite(descriptor, words, words.count, 0)
    }

    deinit {
        close(descriptor)
    }

    private static func owner(_ path: String) -> pid_t? {
        let text = try? String(contentsOfFile: path, encoding: .utf8)
        return text.flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
}
