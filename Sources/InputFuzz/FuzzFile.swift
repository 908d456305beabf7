import Foundation
import FrostSupport
import Glibc
import Synchronization

/// A place for an input whose parser reads files.
final class FuzzFile: Sendable {
    let folder: URL
    /// Kept open: opening one anew for each input took a tenth of the time.
    private let files = Mutex<[String: (url: URL, descriptor: Int32)]>([:])

    init() throws {
        let base =
            access("/dev/shm", W_OK) == 0 ? URL(filePath: "/dev/shm") : FileManager.default.temporaryDirectory
        folder = base.appending(path: "frost-fuzz-\(getpid())", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func remove() {
        files.withLock { files in
            for file in files.values { close(file.descriptor) }
            files = [:]
        }
        try? FileManager.default.removeItem(at: folder)
    }

    func holding(_ input: some Collection<UInt8>, named name: String = "input") -> URL {
        let file = files.withLock { files in
            if let file = files[name] { return file }
            let url = folder.appending(path: name)
            let file = (url: url, descriptor: open(url.plainPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600))
            files[name] = file
            return file
        }
        // Emptied first, a file would lose its pages and get others.
        let bytes = [UInt8](input)
        precondition(
            file.descriptor >= 0 && pwrite(file.descriptor, bytes, bytes.count, 0) == bytes.count
                && ftruncate(file.descriptor, bytes.count) == 0)
        return file.url
    }
}
