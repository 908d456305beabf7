import Foundation
import FrostFormat
import FrostSupport

/// What a run was to do, and whether it did.
struct Expectation {
    var ending: RunEnding.Kind?
    var panic: PanicCode?
    var texts: [String]
    var until: String?

    init(_ options: RunOptions) {
        ending = options.ending
        panic = options.panic
        texts = options.expected
        until = options.until
    }

    /// The exit code, and a sentence for everything that was not as asked.
    func judge(_ actual: RunEnding, console: [UInt8]) -> (code: ExitCode, unmet: [String]) {
        let said = Data(console)
        var unmet = texts.filter { said.range(of: Data($0.utf8)) == nil }.map {
            "The console never said \"\($0)\"."
        }
        switch actual {
        case .untilText, .stopped: break
        // The guest never had a chance to say anything.
        case .wrongPassphrase: return (actual.exitCode, [])
        // Some recipes expect it: their guests never end.
        case .timeLimit where ending == .timeLimit: break
        case .timeLimit, .interrupted, .died: return (actual.exitCode, unmet)
        default:
            if let until, said.range(of: Data(until.utf8)) == nil {
                unmet.append("The run ended before the console said \"\(until)\".")
            }
            if let ending, !isWanted(actual, ending) {
                unmet.append(
                    "The run was to end by \(ending.rawValue)\(panic.map { " " + $0.rawValue } ?? "").")
                return (actual.exitCode == .asAsked ? .otherwise : actual.exitCode, unmet)
            }
            if ending == nil && actual.exitCode != .asAsked { return (actual.exitCode, unmet) }
        }
        return (unmet.isEmpty ? .asAsked : .otherwise, unmet)
    }

    private func isWanted(_ actual: RunEnding, _ wanted: RunEnding.Kind) -> Bool {
        if case .panic(let code, _, _) = actual, let panic, code != panic { return false }
        return actual.kind == wanted
    }
}
