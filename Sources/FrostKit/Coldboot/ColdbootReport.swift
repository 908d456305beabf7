/// What a cold-boot attacker found in a recorded run.
public struct ColdbootReport: Codable, Sendable, Equatable {
    public struct First: Codable, Sendable, Equatable {
        public var instant: UInt64
        /// Physical.
        public var address: UInt64
        public var what: String
    }

    public struct Result: Codable, Sendable, Equatable {
        public var kind: DRAMSearchKind
        /// How many there are to look for; nil where that has no meaning.
        public var sought: Int?
        /// Instants at which anything was found.
        public var instants: Int
        /// At one instant.
        public var mostAtOnce: Int
        public var first: First?
    }

    public var record: String
    public var freeze: FreezeStrategy?
    public var instants: Int
    /// Of them, so many at which a write to DRAM was half done.
    public var instantsWithinWrite: Int
    public var firstInstant: UInt64
    public var lastInstant: UInt64
    /// The log reached its limit: later instants are not known.
    public var isTruncated: Bool
    public var seed: UInt64
    /// Part of the cells that lost their charge.
    public var decay: Double
    public var ramBytes: UInt64
    /// Pages that were searched, each time that one had changed.
    public var searchedPages: Int
    public var results: [Result]

    public var hasFound: Bool { results.contains { $0.instants > 0 } }
}

extension ColdbootReport.Result {
    /// What an attacker would say of it: how many, of what, and an example.
    var sentence: String {
        guard instants > 0 else { return "no \(kind.booty(many: true))" }
        let example = kind == .blocks || kind == .keys ? nil : first?.what
        return "\(mostAtOnce.grouped) \(kind.booty(many: mostAtOnce != 1))"
            + (example.map { ": \($0.count > 40 ? $0.prefix(40) + "…" : $0[...])" } ?? "")
    }
}

extension ColdbootReport: CustomStringConvertible {
    public var description: String {
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
