import Foundation
import FrostSupport

/// What a recipe's script got ready.
struct PreparedLinux {
    let kernel: URL
    /// Unpacked one over the other.
    let initrds: [URL]
    /// Made for this image.
    let disk: URL?
    /// By which ssh knows the guest that has the disk: its type and its bytes.
    let hostKey: String?

    /// Runs the script: `KEY=value`, a line each, is what it says on its standard output.
    ///
    /// - Throws: ``ImageBuilder/Failure``
    init(_ recipe: Recipe, environment: [String: String] = [:]) throws {
        guard let script = recipe.prepareScript else {
            throw ImageBuilder.Failure.incomplete(recipe.name, "a Linux guest has a \"prepare\" script")
        }
        // It may fetch things: what it says must be seen as it comes.
        let child = try ChildProcess(
            Tool.env.locate(),
            environment.map { "\($0)=\($1)" }.sorted() + [Tool.bash.locate().plainPath, script.plainPath],
            error: .shared)
        let (end, output, _) = child.collect()
        guard end.isSuccess else { throw ImageBuilder.Failure.unprepared(recipe.name, status: end.status) }
        var values: [Substring: [String]] = [:]
        for line in String(decoding: output, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[parts[0], default: []].append(String(parts[1])) }
        }
        func files(_ key: Substring) -> [URL] {
            values[key, default: []].map { URL(filePath: $0, relativeTo: recipe.folder).absoluteURL }
        }
        guard let kernel = files("KERNEL").last else {
            throw ImageBuilder.Failure.incomplete(recipe.name, "its prepare script printed no KERNEL= line")
        }
        self.kernel = kernel
        initrds = files("INITRD")
        disk = files("DISK").last
        hostKey = values["HOST_KEY"]?.last
    }
}
