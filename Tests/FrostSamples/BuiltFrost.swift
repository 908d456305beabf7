package import Foundation
import FrostImage
import FrostSupport

/// The command as it is built, from outside.
package enum BuiltFrost {
    package static func program() -> URL {
        let besideTests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appending(path: "frost")
        let built = SourceTree.underTest.root.appending(path: ".build/debug/frost")
        return FileManager.default.isExecutableFile(atPath: besideTests.path()) ? besideTests : built
    }

    /// Not started yet. What it says goes to `output.txt` and `error.txt` in the folder.
    package static func process(_ words: [String], in folder: URL) throws -> Process {
        let process = Process()
        process.executableURL = program()
        process.arguments = words
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["FROST_ROOT": SourceTree.underTest.root.plainPath]) { $1 }
        for name in ["output.txt", "error.txt"] { try Data().write(to: folder.appending(path: name)) }
        process.standardOutput = try FileHandle(forWritingTo: folder.appending(path: "output.txt"))
        process.standardError = try FileHandle(forWritingTo: folder.appending(path: "error.txt"))
        process.standardInput = FileHandle.nullDevice
        return process
    }

    package static func run(
        _ words: [String], in folder: URL
    ) throws -> (code: Int32, error: String, output: String) {
        let process = try process(words, in: folder)
        try process.run()
        process.waitUntilExit()
        let texts = try ["error.txt", "output.txt"].map {
            try String(contentsOf: folder.appending(path: $0), encoding: .utf8)
        }
        return (process.terminationStatus, texts[0], texts[1])
    }
}
