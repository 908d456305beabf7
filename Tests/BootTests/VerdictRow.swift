import Foundation
import FrostFormat
@testable import FrostImage
import FrostMachine
import FrostProof
import FrostSupport
import Synchronization
import Testing

/// A hypervisor and a guest in which something is wrong on purpose, and what must be said of it.
protocol VerdictRow: Sendable {
    associatedtype Judged: CustomStringConvertible
    /// One of `faults/hypervisor`; nil: nothing is wrong, unless it is the guest's or its machine's doing.
    var fault: String? { get }
    /// A folder of `faults/guests`, or a path to another.
    var guest: String { get }
    var freeze: FreezeStrategy { get }
    var condition: Condition { get }
    /// Each must be named under the condition.
    var rules: [String] { get }
    /// One violation of the first rule must lie there, and be done by this.
    var place: String { get }
    var instruction: String { get }
    /// Rows of one name look at one run.
    var name: String { get }

    func sealed() throws -> Sealed
    func verdict(of sealed: Sealed) throws -> Judged
    /// What a verdict does not say, a sentence each.
    func failures(of verdict: Judged) -> [String]
}

extension VerdictRow {
    /// - Parameter commandLine: what the guest has to know of the hypervisor that it is sealed with.
    func sealed(
        isKeyEmbedded: Bool, commandLine: (SymbolTable, BootImage) throws -> String? = { _, _ in nil }
    ) throws -> Sealed {
        let tree = try BootTests.tree()
        let folder = guest.contains("/") ? guest : "faults/guests/\(guest)"
        let recipe = try Recipe(folder: tree.root.appending(path: folder))
        func seal(_ tree: SourceTree) throws -> Sealed {
            let sealed = try seal(tree, nil)
            let symbols = try Toolchain(tree: tree).symbols(of: sealed.image)
            return try commandLine(symbols, sealed.image).map { try seal(tree, $0) } ?? sealed
        }
        func seal(_ tree: SourceTree, _ commandLine: String?) throws -> Sealed {
            try Sealed(recipe, in: tree) {
                $0.commandLine = commandLine
                $0.freeze = freeze
                $0.key =
                    isKeyEmbedded
                    ? .embedded : .passphrase(try Self.passphrase(), iterations: ImageKey.minimumIterations)
            }
        }
        return try fault.map { try Fault(named: $0, in: tree).inject(into: tree, seal) } ?? seal(tree)
    }

    static func passphrase() throws -> Passphrase { try Passphrase("a passphrase of the tests") }

    static func options(_ sealed: Sealed, record: URL) throws -> RunOptions {
        var options = RunOptions(recipe: sealed.recipe)
        (options.timeLimit, options.passphrase) = (TimeSpan(.seconds(300)), try passphrase())
        options.record = record
        return options
    }

    /// What a verdict that finds something does not say of it.
    func missing(in finding: Finding?, of verdict: Judged) -> [String] {
        let violations = finding?.violations ?? []
        var failures = rules.filter { rule in !violations.contains { $0.rule == rule } }
            .map { "\(condition.rawValue) does not name \($0)" }
        let isPlaced = violations.contains {
            $0.rule == rules.first && (place.isEmpty || $0.place?.contains(place) == true)
                && (instruction.isEmpty || $0.instruction?.contains(instruction) == true)
        }
        if !isPlaced { failures.append("no \(rules.first ?? "") at '\(place)' by '\(instruction)'") }
        return failures.isEmpty ? [] : failures + ["\(verdict)"]
    }

    /// Two machines at a time: most of a row is one program that waits for another.
    static func judge(_ rows: [Self]) {
        let runs = Dictionary(grouping: rows, by: \.name).sorted { $0.key < $1.key }.map(\.value)
        let said = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 2) { worker in
            for (_, rows) in runs.enumerated().filter({ $0.offset % 2 == worker }) {
                let failures: [String]
                do {
                    let sealed = try rows[0].sealed()
                    // Its folder is read from as long as it is judged.
                    let verdict = try withExtendedLifetime(sealed) { try rows[0].verdict(of: sealed) }
                    failures = rows.flatMap { row in
                        row.failures(of: verdict).map { "\(row.name): \($0)" }
                    }
                } catch {
                    failures = ["\(rows[0].name): \(error)"]
                }
                said.withLock { $0 += failures }
            }
        }
        for failure in said.withLock({ $0 }) { Issue.record(Comment(rawValue: failure)) }
    }
}
