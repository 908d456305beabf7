public import Foundation

/// How one guest is built, run and judged: `images/NAME/guest.json`.
public struct Recipe: Sendable, Equatable {
    /// The folder, which also is the name.
    public var folder: URL
    public var facts: Facts

    public var name: String { folder.lastPathComponent }
    public var sources: [URL] { (facts.sources ?? []).map { folder.appending(path: $0) } }
    public var prepareScript: URL? { facts.prepare.map { folder.appending(path: $0) } }

    /// What the file says. Sizes and times as people write them.
    public struct Facts: Codable, Sendable, Equatable {
        public var summary: String
        public var kind: Kind
        public var sources: [String]?
        public var ram: ByteCount
        public var frozen: ByteCount
        public var commandLine: String?
        /// Linux only: a script that prints `KERNEL=path` and `INITRD=path`.
        public var prepare: String?
        public var timeout: TimeSpan
        public var ending: RunEnding.Kind
        /// Of ``PanicCode``; only where `ending` is a panic.
        public var panic: PanicCode?
        /// Lines that must appear on the console.
        public var console: [String]?
        public var nmiEvery: TimeSpan?
        /// What the guest keeps in memory and DRAM must never hold.
        public var canaries: [Canary]?
    }

    public enum Kind: String, Codable, Sendable {
        case long64
        case linux
        case real
    }

    /// Finds a recipe by name below `images/`, or by its folder's path.
    /// - Throws: ``Failure``
    public init(named name: String, in tree: SourceTree) throws(Failure) {
        let known = tree.images.appending(path: name, directoryHint: .isDirectory)
        let other = URL(filePath: name, directoryHint: .isDirectory).absoluteURL.standardizedFileURL
        let candidates = name.contains("/") ? [other] : [known, other]
        let files = FileManager.default
        let found = candidates.first { files.fileExists(atPath: $0.appending(path: "guest.json").plainPath) }
        guard let folder = found else { throw .unknown(name, known: Self.names(in: tree)) }
        try self.init(folder: folder)
    }

    public init(folder: URL) throws(Failure) {
        let file = folder.appending(path: "guest.json")
        do {
            facts = try JSONDecoder().decode(Facts.self, from: Data(contentsOf: file))
        } catch {
            throw .unreadable(file.plainPath, reason: Self.sentence(error))
        }
        self.folder = folder
        guard (facts.ending == .panic) == (facts.panic != nil) else {
            throw .unreadable(
                file.plainPath, reason: "\"panic\" must be there exactly when \"ending\" is \"panic\"")
        }
    }

    /// All recipes of the repository, sorted.
    public static func names(in tree: SourceTree) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: tree.images.plainPath)) ?? []
        return names.filter {
            FileManager.default.fileExists(atPath: tree.images.appending(path: "\($0)/guest.json").plainPath)
        }.sorted()
    }

    private static func sentence(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "it is not JSON"
                : "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" has a value of no use"
        case let error as any Explained: error.description
        default: "it cannot be read"
        }
    }

    public enum Failure: Explained, Equatable {
        case unknown(String, known: [String])
        case unreadable(String, reason: String)

        public var exitCode: ExitCode {
            switch self {
            case .unknown: .noSuchFile
            case .unreadable: .badInput
            }
        }

        public var description: String {
            switch self {
            case .unknown(let name, let known):
                """
                There is no recipe '\(name)'. Known: \(known.isEmpty ? "none" : known.joined(separator: ", ")). \
                A path to a folder with a guest.json is taken as well.
                """
            case .unreadable(let path, let reason):
                "The recipe \(path) cannot be used: \(reason). Correct the file."
            }
        }
    }
}
