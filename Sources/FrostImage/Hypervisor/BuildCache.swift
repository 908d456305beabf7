import Foundation
import FrostSupport

/// What was built before, each in a folder named by a hash of flags, tools, sources and all else that the tools read.
struct BuildCache {
    let tree: SourceTree
    /// What builds: another compiler builds anew.
    let tools: [URL]

    func built(
        _ name: String, from sources: [URL], flags: [String], by build: (URL) throws -> Void
    ) throws -> URL {
        try place(name, from: sources, flags: flags, by: build).folder
    }

    /// One file of a build: made by `step` where it is told, or taken from an earlier build, with a rule beside it that
    /// says what it came of.
    func make(
        _ file: URL, from source: URL, flags: [String], by step: (URL) throws -> Void
    ) throws {
        let name = file.lastPathComponent
        let place = try place(name, from: [source], flags: flags) { try step($0.appending(path: name)) }
        try FileManager.default.copyItem(at: place.folder.appending(path: name), to: file)
        // The rule that was kept may name a tree that is gone.
        try Data(BuildInputs.rule(for: file, of: [source] + place.inputs).utf8)
            .write(to: file.appendingPathExtension("d"))
    }

    /// Which files a build reads is known only when it is over: their names are kept beside it, for the next time.
    /// - Returns: the folder, and what was read beside the sources.
    private func place(
        _ name: String, from sources: [URL], flags: [String], by build: (URL) throws -> Void
    ) throws -> (folder: URL, inputs: [URL]) {
        let files = FileManager.default
        let key = try key(flags: flags, sources: sources)
        let list = tree.build.appending(path: "\(name)-\(key).inputs")
        if let names = try? String(contentsOf: list, encoding: .utf8),
            let folder = try? folder(name, key, inputs: names), files.fileExists(atPath: folder.plainPath)
        {
            return (folder, located(names))
        }
        let draft = tree.build.appending(path: "draft-\(UUID().uuidString)", directoryHint: .isDirectory)
        try files.createDirectory(at: draft, withIntermediateDirectories: true)
        defer { try? files.removeItem(at: draft) }
        try build(draft)
        let known = Set(sources.map { tree.shown($0.standardizedFileURL) })
        let names = try BuildInputs.files(namedIn: draft).map { tree.shown(URL(filePath: $0)) }
            .filter { !known.contains($0) }.sorted().joined(separator: "\n")
        let folder = try folder(name, key, inputs: names)
        try Data(names.utf8).write(to: list, options: .atomic)
        // Another frost may have been faster: its folder is as good.
        try? files.moveItem(at: draft, to: folder)
        return (folder, located(names))
    }

    private func located(_ names: String) -> [URL] {
        names.split(separator: "\n").map { tree.located(String($0)) }
    }

    private func key(flags: [String], sources: [URL]) throws -> String {
        var hash = ContentHash()
        flags.forEach { hash.add($0) }
        for tool in tools {
            let file = tool.resolvingSymlinksInPath()
            let facts = try FileManager.default.attributesOfItem(atPath: file.plainPath)
            hash.add("\(file.plainPath) \(facts[.size] ?? 0) \(facts[.modificationDate] ?? 0)")
        }
        for source in sources {
            hash.add(tree.shown(source))
            try hash.add(file: source)
        }
        return hash.finish().prefix(8).map(\.self).hexadecimal
    }

    /// - Parameter inputs: their names as shown, a line each
    private func folder(_ name: String, _ key: String, inputs: String) throws -> URL {
        var hash = ContentHash()
        hash.add(key)
        for input in inputs.split(separator: "\n") {
            hash.add(String(input))
            try hash.add(file: tree.located(String(input)))
        }
        return tree.build.appending(path: "\(name)-\(hash.finish().prefix(8).map(\.self).hexadecimal)")
    }
}
