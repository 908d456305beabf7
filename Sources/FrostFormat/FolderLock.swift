package import Foundation
package import FrostSupport
import Glibc

/// Keeps others from writing into a run's folder while one run writes it, or a verdict reads it; gone with its owner,
/// however that ends.
package final class FolderLock: Sendable {
    package enum Use {
        case writing
        case reading

        var operation: Int32 { self == .writing ? LOCK_EX : LOCK_SH }
    }

    private let descriptor: Int32

    /// - Throws: ``Failure/inUse(_:)``
    package init(_ folder: URL, for use: Use) throws(Failure) {
        descriptor = open(folder.plainPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // File systems that know no locks are left as they are.
        guard descriptor < 0 || Self.take(use, descriptor) || errno != EWOULDBLOCK else {
            close(descriptor)
            throw .inUse(folder.plainPath)
        }
    }

    /// Not at the first refusal: a child that another thread is starting has our descriptors until it executes.
    private static func take(_ use: Use, _ descriptor: Int32) -> Bool {
        for _ in 0..<patience {
            if flock(descriptor, use.operation | LOCK_NB) == 0 { return true }
            guard errno == EWOULDBLOCK else { return false }
            usleep(20_000)
        }
        return flock(descriptor, use.operation | LOCK_NB) == 0
    }

    private static let patience = 25

    deinit { if descriptor >= 0 { close(descriptor) } }

    package enum Failure: Explained, Equatable {
        case inUse(String)

        package var exitCode: ExitCode { .cannotWrite }

        package var description: String {
            switch self {
            case .inUse(let path):
                "The folder \(path) is in use by another frost. Wait for its end, or choose another with --record."
            }
        }
    }
}
