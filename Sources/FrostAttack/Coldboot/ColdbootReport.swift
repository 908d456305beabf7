package import FrostFormat
import FrostSupport

/// What a cold-boot attacker found in a recorded run.
package struct ColdbootReport: Codable, Sendable, Equatable {
    package struct First: Codable, Sendable, Equatable {
        package var instant: UInt64
        /// Physical.
        package var address: UInt64
        package var what: String
    }

    package struct Result: Codable, Sendable, Equatable {
        package var kind: DRAMSearchKind
        /// How many there are to look for; nil where that has no meaning.
        package var sought: Int?
        /// Instants at which anything was found.
        package var instants: Int
        /// At one instant.
        package var mostAtOnce: Int
        package var first: First?
    }

    package var record: String
    package var freeze: FreezeStrategy?
    package var instants: Int
    /// How many of them fell within a write to DRAM.
    package var instantsWithinWrite: Int
    package var firstInstant: UInt64
    package var lastInstant: UInt64
    /// The log reached its limit: later instants are not known.
    package var isTruncated: Bool
    package var seed: UInt64
    /// Part of the cells that lost their charge.
    package var decay: Double
    package var ramBytes: UInt64
    /// Pages that were searched, each time that one had changed.
    package var searchedPages: Int
    package var results: [Result]

    package var hasFound: Bool { results.contains { $0.instants > 0 } }
}

extension ColdbootReport.Result {
    /// What an attacker would say of it: how many, of what, and an example.
    var sentence: String {
        guard instants > 0 else { return "no \(kind.name(many: true))" }
        let example = kind == .blocks || kind == .keys ? nil : first?.what
        return "\(mostAtOnce.grouped) \(kind.name(many: mostAtOnce != 1))"
            + (example.map { ": \($0.count > 40 ? $0.prefix(40) + "…" : $0[...])" } ?? "")
    }
}

extension ColdbootReport: CustomStringConvertible {
    package var description: String {
        let rows = results.map { result in
            [
                result.kind.title, result.sought.map(String.init) ?? "any", "\(result.mostAtOnce)",
                "\(result.instants)", result.first.map { "\($0.instant)" } ?? "-",
                result.first.map { $0.address.hexadecimal } ?? "-",
            ]
        }
        let table = TextTable(
            ["attack", "looked for", "found at once", "at instants", "first instant", "address"], rows)
        let examples = results.compactMap { result in
            result.first.map { "  \(result.kind.title): \($0.what)" }
        }
        return ([summary, "", table.description] + (examples.isEmpty ? [] : [""] + examples)).joined(
            separator: "\n")
    }

    private var summary: String {
        let what = hasFound ? "FOUND" : "nothing found"
        let decayed = decay > 0 ? ", \(decay * 100) % of the cells decayed" : ""
        return """
            \(record): \(what) at \(instants.of("instant")) (\(instantsWithinWrite) within a write), seed \(seed)\(decayed)
            freeze \(freeze?.rawValue ?? "unknown"), \(ByteCount(ramBytes)) of DRAM, \(searchedPages) changed pages searched\(isTruncated
            ? "; the log is truncated: no later instant than \(lastInstant) or so is known" : "")
            """
    }
}
