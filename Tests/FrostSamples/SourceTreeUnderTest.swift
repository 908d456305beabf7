import Foundation
package import FrostImage

extension SourceTree {
    /// The sources that the tests themselves are of.
    package static let underTest = SourceTree(
        root: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent())
}
