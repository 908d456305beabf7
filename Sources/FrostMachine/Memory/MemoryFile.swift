import Foundation
import FrostFormat
import FrostSupport
import Glibc

/// The file that is a machine's physical memory.
enum MemoryFile {
    /// Sparse, and for us alone: it holds plaintext slots.
    /// - Throws: ``RunFolder/Failure/cannotWrite(_:)``
    static func make(_ ram: ByteCount, in folder: RunFolder, isKept: Bool) throws(RunFolder.Failure) -> URL {
        let file = isKept ? folder.ram : scratch(ram, folder)
        guard truncate(file, to: ram) else {
            unlink(file.plainPath)
            throw .cannotWrite(file.plainPath)
        }
        return file
    }

    /// In memory where there is room: a file on disk would be written back again and again.
    private static func scratch(_ ram: ByteCount, _ folder: RunFolder) -> URL {
        var space = statvfs()
        let shared = URL(filePath: "/dev/shm", directoryHint: .isDirectory)
        guard statvfs(shared.plainPath, &space) == 0, access(shared.plainPath, W_OK) == 0,
            UInt64(space.f_bavail) * UInt64(space.f_frsize) > ram.bytes
        else { return folder.ram }
        return shared.appending(path: "frost-\(UUID().uuidString.prefix(13)).ram")
    }

    private static func truncate(_ file: URL, to size: ByteCount) -> Bool {
        let descriptor = open(file.plainPath, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return ftruncate(descriptor, Int(size.bytes)) == 0
    }
}
