package import FrostFormat
package import FrostSupport

/// What each kind of exit costs, from the exit to the next entry.
///
/// - Units: instructions that the hypervisor executed; a repeated string instruction is none, its steps are counted
///   apart.
package struct ExitCosts: Codable, Sendable, Equatable {
    package struct Row: Codable, Sendable, Equatable {
        package var kind: ExitClass
        package var exits: Int
        /// Without cipher, string steps, and the sending of records.
        package var least, p50, p90, most: UInt64
        /// Medians.
        package var cipher, stringSteps: UInt64
        /// Of the median; nil: it has no budget.
        package var allowed: UInt64?
        /// Means, the greatest first; with the cipher and the sending.
        package var functions: [FunctionCost]
    }

    package struct FunctionCost: Codable, Sendable, Equatable {
        package var name: String
        package var mean: Double
    }

    package var rows: [Row]
    /// The image lets the guest share pages: other budgets.
    package var isSharing: Bool

    /// AES-GCM itself: what a page costs whatever the hypervisor does about it.
    static let cipher: Set = [
        "gcm_open", "gcm_seal", "gcm_aesni_open", "gcm_aesni_seal", "hash_additional", "finish_tag",
        "run_singles", "narrow_open", "narrow_seal", "vaes256_open", "vaes256_seal", "vaes512_open",
        "vaes512_seal", "open_groups", "seal_groups", "finish",
    ]
    /// Records leave in bulk, between exits.
    static let sending: Set = ["tracer_send", "serial_write", "crc32"]

    /// - Throws: ``Failure`` when the run's exits were not all followed.
    package init(_ record: InstructionRecord, _ trace: Trace) throws(Failure) {
        guard trace.fact(.traceEvery) == 1 else { throw .notAllFollowed(trace.fact(.traceEvery) ?? 0) }
        let classes = ExitClass.all(of: trace)
        // An exit that ends the run has no entry behind it; the last records may be of such a one.
        guard trace.lostFrames == 0, record.rows.count <= classes.count,
            classes.count - record.rows.count <= 1
        else { throw .notOfOneRun(exits: classes.count, rows: record.rows.count) }
        var grouped: [ExitClass: [ArraySlice<UInt32>]] = [:]
        for (kind, row) in zip(classes, record.rows) {
            if let kind { grouped[kind, default: []].append(row) }
        }
        let isSharing = trace.fact(.cBit) ?? 0 != 0
        self.isSharing = isSharing
        rows = ExitClass.allCases.compactMap { kind in
            grouped[kind].map {
                Row(
                    kind, $0, functions: record.functions,
                    allowed: ExitBudget.medians(isSharing: isSharing)[kind])
            }
        }
    }

    package enum Failure: Explained, Equatable {
        case notAllFollowed(UInt64)
        case notOfOneRun(exits: Int, rows: Int)

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .notAllFollowed(let every):
                """
                The run recorded \(every == 0 ? "no exit" : "one exit in \(every)"), and what an exit was about \
                must be known of each. Make the image with --trace-every 1.
                """
            case .notOfOneRun(let exits, let rows):
                """
                The trace tells of \(exits) exits, the count of \(rows): they are not of one run, or the trace has \
                gaps. Record the run again.
                """
            }
        }
    }
}

extension ExitCosts {
    /// One sentence for each kind that costs more than it may, or that was not seen.
    package var overBudget: [String] {
        ExitClass.allCases.compactMap { kind in
            guard let allowed = ExitBudget.medians(isSharing: isSharing)[kind] else { return nil }
            guard let row = rows.first(where: { $0.kind == kind }) else {
                return "\(kind.rawValue): no such exit was seen; run the guest images/exits."
            }
            guard row.p50 > allowed else { return nil }
            return
                "\(kind.rawValue): \(row.p50) instructions at the median of \(row.exits) exits, \(allowed) allowed."
        }
    }
}

extension ExitCosts.Row {
    init(_ kind: ExitClass, _ counts: [ArraySlice<UInt32>], functions: [String], allowed: UInt64?) {
        let names = functions.enumerated()
        let ciphers = names.filter { ExitCosts.cipher.contains($0.element) }.map(\.offset)
        let sending = names.filter { ExitCosts.sending.contains($0.element) }.map(\.offset)
        func sum(_ row: ArraySlice<UInt32>, _ columns: [Int]) -> UInt64 {
            columns.reduce(0) { $0 + UInt64(row[row.startIndex + $1]) }
        }
        let all = Array(functions.indices)
        let own = counts.map { sum($0, all) - sum($0, ciphers) - sum($0, sending) }.sorted()
        func median(_ values: [UInt64]) -> UInt64 { values.sorted()[(values.count - 1) / 2] }

        self.kind = kind
        exits = counts.count
        (least, p50) = (own[0], median(own))
        (p90, most) = (own[(own.count * 9 + 9) / 10 - 1], own[own.count - 1])
        cipher = median(counts.map { sum($0, ciphers) })
        stringSteps = median(counts.map { sum($0, [functions.count]) })
        self.allowed = allowed
        self.functions = all.map { column in
            let total = counts.reduce(0) { $0 + sum($1, [column]) }
            return ExitCosts.FunctionCost(
                name: functions[column], mean: (Double(total) / Double(counts.count) * 10).rounded() / 10)
        }.filter { $0.mean > 0 }.sorted { $0.mean > $1.mean }
    }
}

extension ExitCosts: CustomStringConvertible {
    package var description: String {
        let head = ["exit", "times", "min", "p50", "p90", "max", "allowed", "cipher", "string steps"]
        let table = rows.map { row in
            [row.kind.rawValue, "\(row.exits)"] + [row.least, row.p50, row.p90, row.most].map { "\($0)" }
                + [row.allowed.map { "\($0)" } ?? "", "\(row.cipher)", "\(row.stringSteps)"]
        }
        return "Instructions from exit to entry, without cipher, string steps and the sending of records.\n"
            + TextTable(head, table).description
    }

    /// What the instructions of each kind are spent on.
    package var functionTables: String {
        rows.map { row in
            "\(row.kind.rawValue), means of \(row.exits)\n"
                + TextTable(
                    ["function", "instructions"], row.functions.prefix(16).map { [$0.name, "\($0.mean)"] }
                ).description
        }.joined(separator: "\n\n")
    }
}
