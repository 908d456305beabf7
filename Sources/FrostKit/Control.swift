import Foundation

/// A fault that is put into the hypervisor on purpose, to show that what claims to find it does:
/// `hypervisor/controls/NAME.patch`.
public struct Control: Sendable, Equatable {
    public let name: String
    /// What is wrong with such a hypervisor, and which rules must say so.
    public let sentence: String
    private let patch: URL

    /// All controls of the repository, sorted.
    public static func all(in tree: SourceTree) -> [Control] {
        let folder = tree.hypervisor.appending(path: "controls", directoryHint: .isDirectory)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.plainPath)) ?? []
        return names.filter { $0.hasSuffix(".patch") }.sorted().map {
            Control(patch: folder.appending(path: $0))
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

    private init(patch: URL) {
        self.patch = patch
        name = patch.deletingPathExtension().lastPathComponent
        let text = (try? String(contentsOf: patch, encoding: .utf8)) ?? ""
        sentence = text.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? ""
    }

    public var warning: String {
        """
        WARNING: the control \(name) puts a fault into the hypervisor on purpose. \(sentence) Never give such an \
        image anything that matters.
        """
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
        return try body(SourceTree(root: tree.root, hypervisor: copy, control: name))
    }

    public enum Failure: Explained, Equatable {
        case unknown(String, known: [String])

        public var exitCode: ExitCode { .noSuchFile }

        public var description: String {
            switch self {
            case .unknown(let name, let known):
                "There is no control '\(name)'. frost make-image --list-controls tells the \(known.count) that there are."
            }
        }
    }
}

/// All controls, a line each.
public struct ControlList: Codable, Sendable, CustomStringConvertible {
    public struct Row: Codable, Sendable {
        public var name: String
        public var sentence: String
    }

    public var controls: [Row]

    public init(_ tree: SourceTree) {
        controls = Control.all(in: tree).map { Row(name: $0.name, sentence: $0.sentence) }
    }

    public var description: String {
        let width = controls.map(\.name.count).max() ?? 0
        return controls.map {
            "\($0.name.padding(toLength: width, withPad: " ", startingAt: 0))  \($0.sentence)"
        }.joined(separator: "\n")
    }
}

extension BootImage {
    /// - Throws: ``Control/Failure`` when these sources do not know it.
    public func fault(in tree: @autoclosure () throws -> SourceTree) throws -> Control? {
        guard let control else { return nil }
        return try Control(named: control, in: tree())
    }
}
