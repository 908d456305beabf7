package import Foundation

extension URL {
    /// As the file system spells it.
    package var plainPath: String { path(percentEncoded: false) }
}
