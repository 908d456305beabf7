import Foundation
import FrostFormat
import FrostSupport
import Glibc

/// A guest's disk while it is made: a folder beside the image, and one for keys, in memory where the host has that. Nobody
/// else may read them.
struct DiskDraft {
    private let folder: URL
    private let secrets: URL
    private let place: ImageDisk

    /// - Throws: ``Failure``
    init(for image: URL) throws(Failure) {
        place = ImageDisk(of: image)
        for file in [place.disk, place.knownHosts, place.loginKey]
        where FileManager.default.fileExists(atPath: file.plainPath) {
            throw .exists(file.plainPath)
        }
        let parent = image.absoluteURL.deletingLastPathComponent()
        let name = ".frost-\(UUID().uuidString.prefix(13))"
        folder = parent.appending(path: name, directoryHint: .isDirectory)
        guard mkdir(folder.plainPath, 0o700) == 0 else { throw .cannotWrite(parent.plainPath) }
        secrets = Self.folderInMemory(named: name) ?? folder
    }

    /// A new folder that nobody else may read, for keys; nil: this host keeps no files in memory.
    static func folderInMemory(named name: String) -> URL? {
        let folder = URL(filePath: "/dev/shm/\(name)", directoryHint: .isDirectory)
        return mkdir(folder.plainPath, 0o700) == 0 ? folder : nil
    }

    func remove() {
        for made in [folder, secrets] { try? FileManager.default.removeItem(at: made) }
    }

    /// What the script finds in its environment.
    func environment(_ order: DiskOrder, size: ByteCount) throws -> [String: String] {
        [
            "FROST_WORK": folder.plainPath,
            "FROST_SECRETS": secrets.plainPath,
            "FROST_PACKAGES": order.packages.joined(separator: " "),
            "FROST_DISK_BYTES": "\((order.size ?? size).bytes)",
            "FROST_SSH_KEYS": try loginKeys(order).plainPath,
        ]
    }

    private var newKey: URL { folder.appending(path: "login") }

    private func loginKeys(_ order: DiskOrder) throws -> URL {
        if let keys = order.loginKeys { return keys.absoluteURL }
        let all = folder.appending(path: "login_keys")
        var keys = DiskOrder.ownKeys
        if keys.isEmpty {
            try Tool.sshKeygen.run(
                ["-q", "-t", "ed25519", "-N", "", "-C", "frost", "-f", newKey.plainPath],
                for: "make a key to log in with")
            keys = [newKey.appendingPathExtension("pub")]
        }
        try Data(keys.map { try Data(contentsOf: $0) }.joined()).write(to: all)
        return all
    }

    /// Moves what was made to its place.
    func publish(_ files: PreparedLinux) throws -> ImageDisk {
        guard let disk = files.disk else { return place }
        let mover = FileManager.default
        if mover.fileExists(atPath: newKey.plainPath) { try mover.moveItem(at: newKey, to: place.loginKey) }
        if let key = files.hostKey {
            try Data("\(ImageDisk.hostName) \(key)\n".utf8).write(to: place.knownHosts)
        }
        try mover.moveItem(at: disk, to: place.disk)
        return place
    }

    enum Failure: Explained, Equatable {
        case exists(String)
        case cannotWrite(String)

        var exitCode: ExitCode { .cannotWrite }

        var description: String {
            switch self {
            case .exists(let path):
                """
                '\(path)' belongs to an image that was made before, and is lost with it. Take another name for -o, or \
                delete it first.
                """
            case .cannotWrite(let folder):
                "Nothing can be written in '\(folder)'. Choose another place for -o."
            }
        }
    }
}
