import Foundation
import FrostSupport
import Glibc
import InputWatch

/// Gives parsers what somebody may have forged: kept inputs, and what a generator makes of these.
///
///     fuzz-inputs list
///     fuzz-inputs run TARGET|all CORPUS EXECUTIONS SEED FOLDER
///     fuzz-inputs one TARGET FILE
///
/// A target that crashes, takes too long or holds too much ends the program by a signal; its input is then
/// `FOLDER/crash-TARGET`. Built with libFuzzer, which brings its own entry, FUZZ_TARGET names the target, or
/// is `list`.
struct InputFuzz {
    let target: FuzzTarget
    let file: FuzzFile
    private(set) var peak = 0

    init(_ target: FuzzTarget) throws {
        self.target = target
        file = try FuzzFile()
    }

    /// - Returns: why the input was refused; nil: it was not.
    @discardableResult
    mutating func execute(_ input: [UInt8]) -> String? {
        input.withUnsafeBufferPointer { bytes in
            watch_begin(bytes.baseAddress, bytes.count, FuzzTarget.mostMemory, FuzzTarget.mostSeconds)
            let refusal = target.execute(input, file)
            peak = max(peak, watch_end())
            return refusal
        }
    }

    static func named(_ name: String) -> FuzzTarget? { FuzzTarget.all.first { $0.name == name } }

    private typealias Kept = (name: String, bytes: [UInt8])

    private static func corpus(of target: FuzzTarget, in folder: String) throws -> [Kept] {
        let place = URL(filePath: folder).appending(path: target.name)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place.plainPath)) ?? []
        return try names.sorted().map { ($0, [UInt8](try Data(contentsOf: place.appending(path: $0)))) }
    }

    /// All kept inputs, then new ones. False when the target does not take what it should: it would be fuzzed in vain.
    private mutating func run(_ corpus: [Kept], executions: Int, seed: UInt64) -> Bool {
        var isSound = target.isControl || !corpus.isEmpty
        if !isSound { Self.say("\(target.name): NO KEPT INPUT") }
        for kept in corpus {
            var refusal = execute(kept.bytes)
            let isToBeRefused = kept.name.hasPrefix(Self.refusedPrefix)
            if refusal != nil, !isToBeRefused, let repaired = target.repaired {
                refusal = execute(repaired(kept.bytes))
            }
            guard (refusal != nil) != isToBeRefused else { continue }
            let words = refusal.map { "REFUSED \(kept.name): \($0)" } ?? "TAKEN \(kept.name)"
            Self.say("\(target.name): \(words)")
            isSound = false
        }
        var mutator = InputMutator(seed: seed, words: target.words)
        let inputs = corpus.isEmpty ? [[]] : corpus.map(\.bytes)
        for _ in 0..<max(0, executions - corpus.count) {
            var input = mutator.next(from: inputs)
            if let repaired = target.repaired, mutator.isHeads() { input = repaired(input) }
            execute(input)
        }
        return isSound
    }

    /// Of kept inputs that a parser must refuse.
    private static let refusedPrefix = "refused-"

    /// At once: the next target may end the program.
    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    static func list() {
        for target in FuzzTarget.all where !target.isControl { say("\(target.name)\t\(target.reads)") }
    }

    static func main(_ words: [String]) throws -> Int32 {
        switch words.first {
        case "list" where words.count == 1:
            list()
            return 0
        case "one" where words.count == 3:
            guard let target = named(words[1]) else { break }
            var fuzz = try InputFuzz(target)
            defer { fuzz.file.remove() }
            watch_start(strdup(target.name), strdup("."), true)
            fuzz.execute([UInt8](try Data(contentsOf: URL(filePath: words[2]))))
            print("\(target.name): no fault")
            return 0
        case "run" where words.count == 6:
            let targets =
                words[1] == "all"
                ? FuzzTarget.all.filter { !$0.isControl } : [named(words[1])].compactMap(\.self)
            guard !targets.isEmpty, let executions = Int(words[3]), let seed = UInt64(words[4]) else { break }
            var isSound = true
            for target in targets {
                let start = ContinuousClock.now
                var fuzz = try InputFuzz(target)
                defer { fuzz.file.remove() }
                let corpus = try corpus(of: target, in: words[2])
                watch_start(strdup(target.name), strdup(words[5]), true)
                isSound = fuzz.run(corpus, executions: executions, seed: seed) && isSound
                let seconds = (ContinuousClock.now - start) / .seconds(1)
                say(
                    "\(target.name): \(max(executions, corpus.count)) executions, \(corpus.count) kept inputs, seed "
                        + "\(seed), \(ByteCount(UInt64(fuzz.peak)).rounded) at most, \(seconds.formatted(places: 1)) s"
                )
            }
            return isSound ? ExitCode.asAsked.rawValue : ExitCode.otherwise.rawValue
        default: break
        }
        FileHandle.standardError.write(
            Data(
                "usage: fuzz-inputs list | run TARGET|all CORPUS EXECUTIONS SEED FOLDER | one TARGET FILE\n"
                    .utf8))
        return ExitCode.usage.rawValue
    }
}

#if LIBFUZZER
    nonisolated(unsafe) private var fuzz: InputFuzz?

    @_cdecl("LLVMFuzzerInitialize")
    func fuzzerInitialize(_: UnsafeMutablePointer<Int32>?, _: UnsafeMutableRawPointer?) -> Int32 {
        let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
        if name == "list" {
            InputFuzz.list()
            exit(0)
        }
        guard let target = InputFuzz.named(name) else {
            fatalError("FUZZ_TARGET names no target: '\(name)'")
        }
        fuzz = try? InputFuzz(target)
        mutator = InputMutator(seed: 0, words: target.words)
        watch_start(strdup(target.name), strdup("."), false)
        coverage_drop()
        return 0
    }

    @_cdecl("LLVMFuzzerTestOneInput")
    func fuzzerTestOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
        fuzz?.execute([UInt8](UnsafeBufferPointer(start: start, count: count)))
        coverage_gather()
        return 0
    }

    nonisolated(unsafe) private var mutator = InputMutator(seed: 0, words: [])

    /// Mostly libFuzzer's own mutations; with the words of the format one in eight. What has checksums gets them right
    /// in one of two, past which the others would hardly come.
    @_cdecl("LLVMFuzzerCustomMutator")
    func fuzzerCustomMutator(_ input: UnsafeMutablePointer<UInt8>, _ count: Int, _ room: Int, _ seed: UInt32)
        -> Int
    {
        guard let target = fuzz?.target else { return count }
        let most = min(room, target.longestInput)
        let isWorded = seed & 7 == 0, isRepaired = target.repaired != nil && seed & 8 == 0
        let bytes = isWorded ? count : LLVMFuzzerMutate(input, min(count, most), most)
        guard isWorded || isRepaired else { return bytes }
        defer { coverage_drop() }
        var made = [UInt8](UnsafeBufferPointer(start: input, count: bytes))
        if isWorded { made = mutator.next(from: [made], seed: UInt64(seed)) }
        if isRepaired, let repaired = target.repaired { made = repaired(made) }
        made = [UInt8](made.prefix(most))
        UnsafeMutableBufferPointer(start: input, count: room).baseAddress?.update(
            from: made, count: made.count)
        return max(1, made.count)
    }
#else
    @main struct Program {
        static func main() throws {
            exit(try InputFuzz.main(Array(CommandLine.arguments.dropFirst())))
        }
    }
#endif
