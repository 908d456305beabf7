import FrostKit
import Foundation

/// A copy of the repository's sources with something changed: faults are committed in it on purpose, and none of them
/// needs a line in the sources themselves.
struct PatchedTree {
    struct Patch: Sendable {
        /// Below `hypervisor/`.
        var file: String
        var from: String
        var to: String

        init(_ file: String, _ from: String, _ to: String) {
            (self.file, self.from, self.to) = (file, from, to)
        }
    }

    private let scratch: ScratchFolder
    var tree: SourceTree { SourceTree(root: scratch.url) }

    /// - Throws: ``Failure`` when a patch no longer fits the sources.
    init(_ patches: [Patch]) throws {
        scratch = try ScratchFolder()
        let origin = try BootTests.tree()
        for folder in ["hypervisor", "images"] {
            try FileManager.default.copyItem(
                at: origin.root.appending(path: folder), to: scratch.file(folder))
        }
        for patch in patches {
            let file = scratch.file("hypervisor/\(patch.file)")
            let text = try String(contentsOf: file, encoding: .utf8)
            guard text.components(separatedBy: patch.from).count == 2 else {
                throw Failure.doesNotFit(patch.file, patch.from)
            }
            try Data(text.replacing(patch.from, with: patch.to).utf8).write(to: file)
        }
    }

    /// hello, ready to boot on the changed hypervisor.
    func image() throws -> BootImage {
        let file = scratch.file("guest.img")
        try ImageBuilder(tree: tree).make(
            Recipe(named: "hello", in: tree), options: ImageOptions(key: .embedded), at: file)
        return try BootImage(reading: file)
    }

    enum Failure: Error, CustomStringConvertible {
        case doesNotFit(String, String)

        var description: String {
            switch self {
            case .doesNotFit(let file, let text): "hypervisor/\(file) has this not exactly once: \(text)"
            }
        }
    }
}
