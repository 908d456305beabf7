import FrostFormat
package import FrostSupport

/// A campaign of attacks in numbers: what `frost attack` prints.
package struct AttackReport: Codable, Sendable {
    package var image: String
    package var seed: UInt64
    /// In order of their numbers.
    package var attacks: [AttackOutcome]
    package var kinds: [Row]
    /// Kinds of which there was no attack, and why; nobody asked for the ones without a reason.
    package var notRun: [String: String]
    /// Pieces of key material, and occurrences of markers and secrets, that stood in the frozen region when the
    /// attacks began: the search can find them.
    package var keysSeen: Int
    package var secretsSeen: Int
    package var wallSeconds: Double

    /// One kind of attack.
    package struct Row: Codable, Sendable, Equatable {
        package var kind: AttackKind
        package var attacks: Int
        /// By ``AttackOutcome/Verdict``.
        package var verdicts: [String: Int]
        /// How often each reason was given.
        package var reasons: [String: Int]
    }

    init(
        image: BootImage, seed: UInt64, outcomes: [AttackOutcome], base: AttackBase, notRun: Set<AttackKind>,
        wallSeconds: Double
    ) {
        self.image = image.file.plainPath
        self.seed = seed
        attacks = outcomes.sorted { $0.number < $1.number }
        keysSeen = base.keysSeen
        secretsSeen = base.secretsSeen
        self.wallSeconds = wallSeconds
        self.notRun = Dictionary(
            uniqueKeysWithValues: notRun.map { ($0.rawValue, $0.lack(on: base.board) ?? $0.reserve ?? "") })
        kinds = AttackKind.allCases.compactMap { kind in
            let own = outcomes.filter { $0.kind == kind }
            guard !own.isEmpty else { return nil }
            return Row(
                kind: kind, attacks: own.count, verdicts: Self.counts(own.map(\.verdict.rawValue)),
                reasons: Self.counts(own.map { $0.verdict == .missed ? "missed: \($0.reason)" : $0.reason }))
        }
    }

    private static func counts(_ words: [String]) -> [String: Int] {
        Dictionary(words.map { ($0, 1) }, uniquingKeysWith: +)
    }

    package func count(_ verdict: AttackOutcome.Verdict) -> Int {
        attacks.count { $0.verdict == verdict }
    }

    /// Success is that no attack was missed, and that there was one at all.
    package var exitCode: ExitCode {
        count(.missed) == 0 && attacks.contains { $0.verdict != .notDone } ? .asAsked : .otherwise
    }
}

extension AttackReport: CustomStringConvertible {
    private var lacking: String {
        notRun.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
            .map { "\nnot run  \($0.key): \($0.value)" }.joined()
    }

    package var description: String {
        let verdicts = AttackOutcome.Verdict.allCases
        let head = ["kind", "attacks"] + verdicts.map(\.rawValue)
        var rows = kinds.map { row in
            [row.kind.rawValue, "\(row.attacks)"] + verdicts.map { "\(row.verdicts[$0.rawValue] ?? 0)" }
        }
        rows.append(["all", "\(attacks.count)"] + verdicts.map { "\(count($0))" })
        let reasons = kinds.flatMap { row in
            row.reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { [row.kind.rawValue, $0.key, "\($0.value)"] }
        }
        return """
            \(TextTable(head, rows))

            \(reasons.map { "\($0[2])  \($0[0]): \($0[1])" }.joined(separator: "\n"))\(lacking)

            seed \(seed), \(Int(wallSeconds.rounded())) s. Before the attacks \(keysSeen) pieces of key material and \
            \(secretsSeen) of secrets were found where they belong.
            """
    }
}
