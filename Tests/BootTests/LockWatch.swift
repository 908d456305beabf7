import Dispatch
import Foundation
import FrostSupport
import Glibc
import Synchronization

/// Waits, beside a run that has a folder's lock, until the lock is free, and then looks for a file in the folder.
final class LockWatch: Sendable {
    private let wasThere = Mutex<Bool?>(nil)
    private let end = DispatchSemaphore(value: 0)

    private static let patience = DispatchTimeInterval.seconds(10)

    /// - Parameter folder: need not be there yet.
    init(_ folder: URL, for file: URL) {
        Thread.detachNewThread { [self] in
            var descriptor: Int32 = -1
            while descriptor < 0 {
                descriptor = open(folder.plainPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                usleep(1000)
            }
            // First it has to be taken at all.
            while flock(descriptor, LOCK_SH | LOCK_NB) == 0 {
                flock(descriptor, LOCK_UN)
                usleep(1000)
            }
            while flock(descriptor, LOCK_SH | LOCK_NB) != 0 { usleep(100) }
            let isThere = access(file.plainPath, F_OK) == 0
            close(descriptor)
            wasThere.withLock { $0 = isThere }
            end.signal()
        }
    }

    /// Once the run is over; nil: the lock never came free.
    func result() -> Bool? {
        _ = end.wait(timeout: .now() + Self.patience)
        return wasThere.withLock { $0 }
    }
}
