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
        disk = Self.sibling(of: image, "disk")
        knownHosts = Self.sibling(of: image, "hosts")
        loginKey = Self.sibling(of: image, "login")
    }

    /// A file beside an image: `linux.reference` beside `linux.img`.
    package static func sibling(of image: URL, _ ending: String) -> URL {
        let stem = image.pathExtension == "img" ? image.deletingPathExtension() : image
        return stem.deletingLastPathComponent().appending(path: "\(stem.lastPathComponent).\(ending)")
    }
}
