import Foundation
import Glibc

/// Keeps others from writing into a run's folder while one run writes it, or somebody judges it; gone with its owner,
/// however that ends.
final class FolderLock: Sendable {
    enum Use {
        case writing
        case reading

        var operation: Int32 { self == .writing ? LOCK_EX : LOCK_SH }
    }

    private let descriptor: Int32

    /// - Throws: ``RunFolder/Failure/inUse(_:)``
    init(_ folder: URL, for use: Use) throws(RunFolder.Failure) {
        descriptor = open(folder.plainPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // File systems that know no locks are left as they are.
        guard descriptor < 0 || flock(descriptor, use.operation | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
            close(descriptor)
            throw .inUse(folder.plainPath)
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
