import Foundation
import FrostSupport

/// A parser of bytes or text that somebody else made.
struct FuzzTarget: Sendable {
    let name: String
    /// What it reads, and where that comes from.
    let reads: String
    /// Commits a fault on purpose: it is run only by name.
    var isControl = false
    /// Words and numbers that its inputs are made of.
    var words: [String] = []
    /// Makes checksums and the like right again, so that an input gets past them; nil: it has none.
    var repaired: (@Sendable ([UInt8]) -> [UInt8])?
    /// Of what libFuzzer makes: the longer they are, the fewer it can try.
    var longestInput = 4 << 10
    /// Throws what a user would be told.
    let read: @Sendable ([UInt8], FuzzFile) throws -> Void

    /// No input of these sizes may make it hold more, or take longer.
    static let mostMemory = 64 << 20
    static let mostSeconds: UInt32 = 10

    /// One execution. Whatever is refused must be refused in a sentence, which is returned.
    func execute(_ input: [UInt8], _ file: FuzzFile) -> String? {
        do {
            try read(input, file)
            return nil
        } catch let failure as any Explained {
            precondition(!failure.description.isEmpty, "a refusal without a sentence")
            return failure.description
        } catch {
            preconditionFailure("a refusal that explains nothing: \(error)")
        }
    }
}

extension FuzzTarget {
    static let all = files + texts + conversations + controls
    static let names = all.filter { !$0.isControl }.map(\.name)

    /// Found out by what holds an execution to its limits, or nothing is.
    static let controls: [FuzzTarget] = [
        FuzzTarget(
            name: "control-crash", reads: "a length that nobody checks", isControl: true,
            read: { input, _ in
                guard input.starts(with: "FZ".utf8), input.count > 4 else { return }
                _ = input[Int(input[2]) << 8]
            }),
        FuzzTarget(
            name: "control-memory", reads: "a count that becomes an allocation", isControl: true,
            read: { input, _ in
                guard input.starts(with: "FZ".utf8), input.count > 4 else { return }
                _ = [UInt8](repeating: 1, count: Int(input[2]) << 20).last
            }),
        FuzzTarget(
            name: "control-hang", reads: "a count that becomes a loop", isControl: true,
            read: { input, _ in
                guard input.starts(with: "FZ".utf8), input.count > 4 else { return }
                var random = SplitMix64(seed: 1)
                while input[2] > 128, random.next() > 0 {}
            }),
        FuzzTarget(
            name: "control-silence", reads: "what is refused without a word", isControl: true,
            read: { input, _ in
                guard input.starts(with: "FZ".utf8), input.count > 4, input[2] > 128 else { return }
                throw CancellationError()
            }),
    ]
}
