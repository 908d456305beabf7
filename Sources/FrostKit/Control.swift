import Foundation

/// A fault that is put into the hypervisor on purpose, to show that what claims to find it does:
/// `hypervisor/controls/NAME.patch`.
public struct Control: Sendable, Equatable {
    public let name: String
    private let patch: URL

    /// All controls of the repository, sorted.
    public static func all(in tree: SourceTree) -> [Control] {
        let folder = tree.hypervisor.appending(path: "controls", directoryHint: .isDirectory)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.plainPath)) ?? []
        return names.filter { $0.hasSuffix(".patch") }.sorted().map {
            Control(name: String($0.dropLast(".patch".count)), patch: folder.appending(path: $0))
        }
    }

    /// - Throws: ``Failure/unknown(_:known:)``
    public init(named name: String, in tree: SourceTree) throws(Failure) {
        let all = Self.all(in: tree)
        guard let control = all.first(where: { $0.name == name }) else {
            throw .unknown(name, known: all.map(\.name))
        }
        self = control
    }

    private init(name: String, patch: URL) {
        self.name = name
        self.patch = patch
    }

    /// Calls `body` with a tree whose hypervisor has the fault; the copy is gone afterwards.
    /// - Throws: ``Tool/Failure`` when the patch does not apply any more.
    public func inject<Result>(
        into tree: SourceTree, _ body: (SourceTree) throws -> Result
    ) throws -> Result {
        let files = FileManager.default
        let copy = tree.build.appending(path: "control-\(UUID().uuidString)", directoryHint: .isDirectory)
        try files.createDirectory(at: tree.build, withIntermediateDirectories: true)
        try files.copyItem(at: tree.hypervisor, to: copy)
        defer { try? files.removeItem(at: copy) }
        try Tool.patch.run(
            ["--quiet", "--strip", "2", "--directory", copy.plainPath, "--input", patch.plainPath],
            for: "apply the control \(name)")
        return try body(SourceTree(root: tree.root, hypervisor: copy))
    }

    public enum Failure: Explained, Equatable {
        case unknown(String, known: [String])

        public var exitCode: ExitCode { .noSuchFile }

        public var description: String {
            switch self {
            case .unknown(let name, let known):
                "There is no control '\(name)'. Known: \(known.joined(separator: ", "))."
            }
        }
    }
}
