import Foundation
import FrostFormat
import FrostImage
import FrostMachine
import Glibc
import Synchronization
import Testing

/// Everything that boots a machine. One at a time: a boot takes a core, and some read the machine's whole memory.
@Suite("Boots", .serialized) struct BootTests {
    /// The repository whose guests are booted.
    static func tree() throws -> SourceTree { try SourceTree() }

    /// The long matrix, for a release rather than for every change.
    static var isFull: Bool { ProcessInfo.processInfo.environment["FROST_FULL"] == "1" }
    static let fullOnly: Comment = "SKIP: takes minutes; set FROST_FULL=1 to run it"
}

/// A folder that lives as long as its owner, and no longer than the process.
final class ScratchFolder: Sendable {
    let url: URL

    private static let living = Mutex<Set<URL>>([])
    private static let removal: Void = {
        atexit {
            ScratchFolder.living.withLock { $0.forEach { try? FileManager.default.removeItem(at: $0) } }
        }
    }()

    init() throws {
        _ = Self.removal
        let url = FileManager.default.temporaryDirectory.appending(
            path: "frost-test-\(UUID().uuidString.prefix(13))", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.url = url
        Self.living.withLock { _ = $0.insert(url) }
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
        Self.living.withLock { _ = $0.remove(url) }
    }

    func file(_ name: String) -> URL { url.appending(path: name) }
}

/// One guest, sealed into an image and ready to boot, with the folder that holds it.
struct Sealed: Sendable {
    let scratch: ScratchFolder
    let recipe: Recipe
    let image: BootImage
}

extension Sealed {
    /// - Parameter change: sets what differs from the recipe.
    init(_ name: String, _ change: (inout ImageOptions) throws -> Void = { _ in }) throws {
        try self.init(Recipe(named: name, in: BootTests.tree()), change)
    }

    /// - Parameter tree: whose hypervisor it gets; nil: the repository's.
    init(
        _ recipe: Recipe, in tree: SourceTree? = nil, _ change: (inout ImageOptions) throws -> Void = { _ in }
    ) throws {
        var options = ImageOptions(key: .embedded)
        try change(&options)
        self.recipe = recipe
        scratch = try ScratchFolder()
        let file = scratch.file("guest.img")
        try ImageBuilder(tree: tree ?? BootTests.tree()).make(recipe, options: options, at: file)
        image = try BootImage(reading: file)
    }

    /// - Parameter faults: put into the hypervisor that it gets, one after the other.
    init(
        _ recipe: Recipe, faults: [String], in tree: SourceTree? = nil,
        _ change: (inout ImageOptions) throws -> Void = { _ in }
    ) throws {
        let tree = try tree ?? BootTests.tree()
        guard let fault = faults.first else {
            try self.init(recipe, in: tree, change)
            return
        }
        self = try Fault(named: fault, in: tree).inject(into: tree) {
            try Sealed(recipe, faults: Array(faults.dropFirst()), in: $0, change)
        }
    }

    init(
        _ name: String, faults: [String], _ change: (inout ImageOptions) throws -> Void = { _ in }
    ) throws {
        try self.init(Recipe(named: name, in: BootTests.tree()), faults: faults, change)
    }

    /// Boots and judges by the recipe; `change` adds hooks, or changes what is expected.
    func run(_ change: (inout RunOptions) throws -> Void = { _ in }) throws -> RunResult {
        var options = RunOptions(recipe: recipe)
        try change(&options)
        return try Run(image, options: options).boot()
    }
}

extension RunResult {
    /// What to show when a run was not as asked.
    var story: Comment {
        Comment(
            rawValue: ([ending.description] + unmet + warnings).joined(separator: "\n") + "\n"
                + consoleText.suffix(2000))
    }
}
