package import Foundation
package import FrostSupport
import Glibc

/// An encrypted disk that a system lives on already: it gets a second key, which the image's sealed initial RAM disk knows.
package struct AdoptedDisk {
    package let disk: URL
    /// What /etc/crypttab over there calls it.
    package let name: String
    /// A file that opens it now; nil: cryptsetup asks at the terminal.
    package let key: URL?

    /// - Throws: ``Failure``
    package init(_ disk: URL, name: String, key: URL?) throws(Failure) {
        (self.disk, self.name, self.key) = (disk.absoluteURL, name, key?.absoluteURL)
        let manager = FileManager.default
        guard manager.fileExists(atPath: disk.plainPath) else { throw .absent(disk.plainPath) }
        guard manager.isWritableFile(atPath: disk.plainPath) else { throw .refused(disk.plainPath) }
        if let key, !manager.isReadableFile(atPath: key.plainPath) { throw .absent(key.plainPath) }
        // It becomes a file's name, and a word of crypttab.
        guard name.wholeMatch(of: /[A-Za-z0-9_][A-Za-z0-9_.-]*/) != nil else { throw .name(name) }
    }

    /// Adds the key, and takes it away again where `make` fails.
    ///
    /// - Parameter make: given the archive that knows the key; it is deleted afterwards.
    func adopt<Made>(in tree: SourceTree, _ make: (URL) throws -> Made) throws -> Made {
        let name = "frost-\(UUID().uuidString.prefix(13))"
        let onDisk = FileManager.default.temporaryDirectory.appending(path: name, directoryHint: .isDirectory)
        let secrets = DiskDraft.folderInMemory(named: name) ?? onDisk
        if secrets == onDisk { mkdir(onDisk.plainPath, 0o700) }
        defer { try? FileManager.default.removeItem(at: secrets) }
        try run("adopt", in: tree, secrets)
        do {
            return try make(secrets.appending(path: "initrd"))
        } catch {
            try run("release", in: tree, secrets)
            throw error
        }
    }

    private func run(_ verb: String, in tree: SourceTree, _ secrets: URL) throws {
        let environment = [
            "FROST_DISK=\(disk.plainPath)", "FROST_DISK_NAME=\(name)",
            "FROST_DISK_KEY=\(key?.plainPath ?? "")",
            "FROST_SECRETS=\(secrets.plainPath)",
        ]
        let script = tree.commonGuestSources.appending(path: "adopt-disk.sh")
        // cryptsetup may ask.
        let child = try ChildProcess(
            Tool.env.locate(), environment + [Tool.bash.locate().plainPath, script.plainPath, verb],
            input: .shared, error: .shared)
        let (end, _, _) = child.collect()
        guard end.isSuccess else { throw Failure.failed(disk.plainPath, status: end.status) }
    }

    package enum Failure: Explained, Equatable {
        case absent(String)
        case refused(String)
        case name(String)
        case failed(String, status: Int32)

        package var exitCode: ExitCode {
            switch self {
            case .absent: .noSuchFile
            case .refused: .inputOutput
            case .name: .usage
            case .failed(_, let status): ExitCode(rawValue: status) ?? .badInput
            }
        }

        package var description: String {
            switch self {
            case .absent(let path): "There is no '\(path)'. Correct --disk or --disk-key-file."
            case .refused(let path):
                "The disk '\(path)' cannot be written by you, to give it a second key. Change its rights."
            case .name(let name):
                "'\(name)' is no name of an encrypted disk. Give --disk-name the first word of its line in /etc/crypttab."
            case .failed(let path, _):
                "The disk '\(path)' has got no key: the lines above say why. No image was made."
            }
        }
    }
}
