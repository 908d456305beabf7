package import Foundation
package import FrostSupport

/// What a recipe's script is asked for that makes a disk.
package struct DiskOrder: Sendable, Equatable {
    /// Of the distribution, besides the recipe's.
    package var packages: [String] = []
    /// nil: the recipe's.
    package var size: ByteCount?
    /// Public keys, a line each, of who may log in; nil: those of ``ownKeys``, or else a new pair.
    package var loginKeys: URL?

    package init() {}

    /// - Throws: ``Failure``
    package func check() throws(Failure) {
        // They become words of a shell and of mmdebstrap.
        // Source: Debian Policy Manual, 5.6.1 "Source".
        for name in packages where name.wholeMatch(of: /[a-z0-9][a-z0-9+.-]+/) == nil {
            throw .packageName(name)
        }
        if let loginKeys {
            let text = try? String(contentsOf: loginKeys, encoding: .utf8)
            guard let text else { throw .noKeys(loginKeys.plainPath) }
            guard text.contains(/(?m)^(ssh|ecdsa|sk)-/), !text.contains("PRIVATE KEY") else {
                throw .notPublic(loginKeys.plainPath)
            }
        }
    }

    /// The public keys of whoever runs this, as ssh-keygen names them.
    static var ownKeys: [URL] {
        let folder = FileManager.default.homeDirectoryForCurrentUser.appending(path: ".ssh")
        return ["ed25519", "ecdsa", "rsa"].map { folder.appending(path: "id_\($0).pub") }
            .filter { FileManager.default.isReadableFile(atPath: $0.plainPath) }
    }

    package enum Failure: Explained, Equatable {
        case packageName(String)
        case noKeys(String)
        case notPublic(String)

        package var exitCode: ExitCode {
            switch self {
            case .packageName: .usage
            case .noKeys: .noSuchFile
            case .notPublic: .badInput
            }
        }

        package var description: String {
            switch self {
            case .packageName(let name):
                "'\(name)' is no name of a Debian package. Give each by a --package of its own."
            case .noKeys(let path): "There are no keys to read at '\(path)'. Correct --ssh-key."
            case .notPublic(let path):
                "'\(path)' holds no public key of ssh. Give --ssh-key the file that ends in .pub."
            }
        }
    }
}
