import Foundation
package import FrostFormat
package import FrostImage
import FrostSupport

/// The sources and tools that give an image's hypervisor, byte by byte.
package struct HypervisorBuild: Codable, Sendable, Equatable {
    /// Of the repository; nil: the sources are in none.
    package var revision: String?
    /// What decides on the hypervisor's bytes was not as in that revision.
    package var isChanged: Bool
    /// That was put into the sources on purpose.
    package var fault: String?
    package var compiler: String
    package var assembler: String

    /// What of a repository decides on the hypervisor's bytes.
    private static let sources = ["hypervisor", "faults/hypervisor", "Sources/FrostImage"]

    /// nil: these sources build another hypervisor.
    /// - Parameter anew: nothing that was built before counts.
    /// - Throws: as ``Toolchain/buildHypervisor()``
    package static func ofHypervisor(
        in image: BootImage, from tree: SourceTree, anew: Bool = false, progress: @escaping (String) -> Void
    ) throws -> HypervisorBuild? {
        let own = try Toolchain(tree: tree, progress: progress).builds(image, anew: anew)
        if own { return HypervisorBuild(tree, fault: nil) }
        // The image's name of a fault is a hint that nobody signs; its bytes are what counts.
        guard let fault = try? image.fault(in: tree) else { return nil }
        let isFaulty = try fault.inject(into: tree) {
            try Toolchain(tree: $0, progress: progress).builds(image, anew: anew)
        }
        return isFaulty ? HypervisorBuild(tree, fault: fault.name) : nil
    }

    private init(_ tree: SourceTree, fault: String?) {
        let repository = Self.git(["rev-parse", "--show-toplevel"], tree)
        let isOwn =
            repository.map { URL(filePath: $0).resolvingSymlinksInPath().standardizedFileURL.pathComponents }
            == tree.root.resolvingSymlinksInPath().standardizedFileURL.pathComponents
        revision = isOwn ? Self.git(["rev-parse", "HEAD"], tree) : nil
        isChanged = revision != nil && Self.git(["status", "--porcelain", "--"] + Self.sources, tree) != ""
        self.fault = fault
        compiler = Tool.clang.version ?? "unknown"
        assembler = Tool.nasm.version ?? "unknown"
    }

    private static func git(_ words: [String], _ tree: SourceTree) -> String? {
        let said = try? Tool.git.run(
            ["--no-optional-locks", "-C", tree.root.plainPath] + words, for: "tell the revision")
        return said.map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }
}

extension HypervisorBuild: CustomStringConvertible {
    package var description: String {
        let revision = self.revision.map { "revision \($0)\(isChanged ? ", changed" : "")" }
        return """
            built of     \(revision ?? "sources without a revision")\(fault.map { " with the FAULT \($0)" } ?? "")
            built by     \(compiler)
                         \(assembler)
            """
    }
}
