import Foundation
import FrostSupport
import Glibc

/// A place for an input whose parser reads files.
final class FuzzFile: Sendable {
    let folder: URL

    init() throws {
        let base =
            access("/dev/shm", W_OK) == 0 ? URL(filePath: "/dev/shm") : FileManager.default.temporaryDirectory
        folder = base.appending(path: "frost-fuzz-\(getpid())", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func remove() {
        try? FileManager.default.removeItem(at: folder)
    }

    func holding(_ input: some Collection<UInt8>, named name: String = "input") -> URL {
        let file = folder.appending(path: name)
        let descriptor = open(file.plainPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        precondition(descriptor >= 0 && Descriptor.write([UInt8](input), to: descriptor))
        close(descriptor)
        return file
    }
}
