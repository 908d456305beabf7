package import Foundation
import FrostSupport

/// Files beside an image whose guest has a disk of its own; the only speller of their names.
package struct ImageDisk: Sendable {
    /// Encrypted; its key is sealed into the image, and nowhere else.
    package let disk: URL
    /// By which ssh knows the guest.
    package let knownHosts: URL
    /// A private key that may log in, where nobody's own was named.
    package let loginKey: URL

    /// What ssh calls the guest in ``knownHosts``.
    package static let hostName = "frost-guest"

    package init(of image: URL) {
        let stem = image.pathExtension == "img" ? image.deletingPathExtension() : image
        func sibling(_ ending: String) -> URL {
            stem.deletingLastPathComponent().appending(path: "\(stem.lastPathComponent).\(ending)")
        }
        (disk, knownHosts, loginKey) = (sibling("disk"), sibling("hosts"), sibling("login"))
    }
}
