import Foundation
import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// Every parser of foreign bytes or text, with what is kept of earlier finds and with new inputs of a new seed.
@Suite("Input fuzz") struct InputFuzzTests {
    private static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "fuzz-inputs")
    private static let corpus = SourceTree.underTest.root.appending(path: "Tests/InputFuzzTests/Corpus")

    /// As many as take a few seconds, all targets together.
    private static let executions = 300

    private static func run(_ words: [String], in folder: URL) throws -> (
        end: ChildProcess.End, output: String, error: String
    ) {
        let names = ["output.txt", "error.txt"].map { folder.appending(path: $0) }
        for name in names { try Data().write(to: name) }
        let process = Process()
        process.executableURL = program
        process.arguments = words
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["FROST_ROOT": SourceTree.underTest.root.plainPath]) { $1 }
        process.standardOutput = try FileHandle(forWritingTo: names[0])
        process.standardError = try FileHandle(forWritingTo: names[1])
        try process.run()
        process.waitUntilExit()
        let texts = try names.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
        let end = ChildProcess.End(
            status: process.terminationStatus, wasSignalled: process.terminationReason == .uncaughtSignal,
            userSeconds: 0)
        return (end, texts[0], texts[1])
    }

    private static let targets: [String] = {
        guard let scratch = try? Scratch(), let said = try? run(["list"], in: scratch.url) else { return [] }
        return said.output.split(separator: "\n").compactMap {
            $0.split(separator: "\t").first.map(String.init)
        }
    }()

    @Test("No parser crashes, hangs, holds too much, or refuses without a sentence", .timeLimit(.minutes(10)))
    func holds() throws {
        let scratch = try Scratch()
        let seed = UInt64.random(in: 0...UInt64(UInt32.max))
        try #require(Self.targets.count >= 32)
        let said = try Self.run(
            ["run", "all", Self.corpus.plainPath, "\(Self.executions)", "\(seed)", scratch.url.plainPath],
            in: scratch.url)
        let last = said.error.split(separator: "\n").suffix(8).joined(separator: "\n")
        #expect(said.end.isSuccess, "seed \(seed): \(said.output)\n\(last)")
        for target in Self.targets {
            #expect(
                said.output.contains("\(target): \(Self.executions) executions"), "\(target), seed \(seed)")
        }
    }

    /// What a target with a fault must be said to do, and a control that does it.
    static let controls = [
        ("control-crash", "CRASH, its input is"), ("control-memory", "UNBOUNDED MEMORY"),
        ("control-hang", "HANG"), ("control-silence", "a refusal that explains nothing"),
    ]

    @Test(
        "What a parser does wrong is found, and its input kept", .timeLimit(.minutes(5)), arguments: controls)
    func finds(target: String, words: String) throws {
        let scratch = try Scratch()
        let seeds = scratch.url.appending(path: "corpus/\(target)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: seeds, withIntermediateDirectories: true)
        try Data("FZ\u{1}abc".utf8).write(to: seeds.appending(path: "small"))
        let said = try Self.run(
            [
                "run", target, scratch.url.appending(path: "corpus").plainPath, "20000", "1",
                scratch.url.plainPath,
            ],
            in: scratch.url)
        #expect(said.end.wasSignalled && said.error.contains(words), "\(said.output)\(said.error)")
        let kept = scratch.url.appending(path: "crash-\(target)")
        let again = try Self.run(["one", target, kept.plainPath], in: scratch.url)
        #expect(again.end.wasSignalled && again.error.contains(words))
    }

    @Test(
        "A kept input that its parser refuses is said, and one that it should refuse and takes",
        arguments: [
            ("small", "no ELF file", "elf: REFUSED small: The guest is not an ELF file."),
            ("refused-name", "8MiB", "options: TAKEN refused-name"),
        ])
    func hollow(name: String, text: String, words: String) throws {
        let scratch = try Scratch()
        let target = String(words.prefix { $0 != ":" })
        let seeds = scratch.url.appending(path: "corpus/\(target)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: seeds, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: seeds.appending(path: name))
        let said = try Self.run(
            [
                "run", target, scratch.url.appending(path: "corpus").plainPath, "1", "1",
                scratch.url.plainPath,
            ],
            in: scratch.url)
        #expect(said.end.status == 1 && said.output.contains(words), "\(said.output)")
    }
}
