package import Foundation
package import FrostFormat
package import FrostSupport

/// How one guest is built, run and judged: `images/NAME/guest.json`.
package struct Recipe: Sendable, Equatable {
    /// The folder, which also is the name.
    package var folder: URL
    package var facts: Facts

    package var file: URL { folder.appending(path: "guest.json") }
    package var name: String { folder.lastPathComponent }
    package var sources: [URL] { (facts.sources ?? []).map { folder.appending(path: $0) } }
    /// With their folder.
    package var modules: [String] { (facts.modules ?? []).map { folder.plainPath + "/" + $0 } }
    package var prepareScript: URL? { facts.prepare.map { folder.appending(path: $0) } }

    /// What the file says. Sizes and times as people write them.
    package struct Facts: Codable, Sendable, Equatable {
        package var summary: String
        package var kind: Kind
        package var sources: [String]?
        package var ram: ByteCount
        package var frozen: ByteCount
        package var commandLine: String?
        package var devices: DeviceSharing?
        /// Linux only: a script that prints `KERNEL=path` and `INITRD=path`, the latter as often as it likes.
        package var prepare: String?
        /// The size of the disk that the script makes for each image, and says in `DISK=path`; nil: none.
        package var disk: ByteCount?
        /// Multiboot only: files beside the source, each with words for it.
        package var modules: [String]?
        /// I/O ports that it may reach besides those of every guest.
        package var ports: [PortRange]?
        package var timeout: TimeSpan
        package var ending: RunEnding.Kind
        /// Of ``PanicCode``; only where `ending` is a panic.
        package var panic: PanicCode?
        /// Lines that must appear on the console.
        package var console: [String]?
        package var nmiEvery: TimeSpan?
        /// What the guest keeps in memory and DRAM must never hold.
        package var canaries: [Canary]?
    }

    package enum Kind: String, Codable, Sendable {
        case long64
        case linux
        case real
        case multiboot
    }

    /// Finds a recipe by name below `images/`, or by its folder's path.
    /// - Throws: ``Failure``
    package init(named name: String, in tree: SourceTree) throws(Failure) {
        let known = tree.images.appending(path: name, directoryHint: .isDirectory)
        let other = URL(filePath: name, directoryHint: .isDirectory).absoluteURL.standardizedFileURL
        let candidates = name.contains("/") ? [other] : [known, other]
        let files = FileManager.default
        let found = candidates.first { files.fileExists(atPath: $0.appending(path: "guest.json").plainPath) }
        guard let folder = found else { throw .unknown(name, known: Self.names(in: tree)) }
        try self.init(folder: folder)
    }

    package init(folder: URL) throws(Failure) {
        let file = folder.appending(path: "guest.json")
        do {
            facts = try JSON.decode(Facts.self, from: Data(contentsOf: file))
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
    package static func names(in tree: SourceTree) -> [String] {
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

    package enum Failure: Explained, Equatable {
        case unknown(String, known: [String])
        case unreadable(String, reason: String)

        package var exitCode: ExitCode {
            switch self {
            case .unknown: .noSuchFile
            case .unreadable: .badInput
            }
        }

        package var description: String {
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
