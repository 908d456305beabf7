import CipherBench
package import Foundation
package import FrostHost
package import FrostSupport

/// How fast pages are sealed, opened, swapped and missed on this CPU, against what bounds it and against a library.
///
/// - Source: `Sources/CipherBench`. All rows come from one run in which they took turns.
package struct CipherBenchmark: Codable, Sendable, Equatable {
    package enum Group: String, Codable, Sendable, CaseIterable {
        case seal
        case open
        case swap
        case fault
        case missClean = "clean-miss"
        case missDirty = "dirty-miss"
        case missMetadata = "metadata-miss"
        case missBlank = "blank-miss"
    }

    package enum Subject: String, Sendable, CaseIterable {
        case cipher
        case miss

        fileprivate var number: UInt32 {
            switch self {
            case .cipher: BENCH_CIPHER.rawValue
            case .miss: BENCH_MISS.rawValue
            }
        }
    }

    package struct Row: Codable, Sendable, Equatable {
        package var group: Group
        package var name: String
        /// What every row of its group must contain at least.
        package var isFloor: Bool
        /// Why it was not measured; nil when it was.
        package var skipped: String?
        package var nanoseconds: Timing?
        /// Its time over that of the group's fastest floor.
        package var overLimit: Double?
    }

    /// Of one page, or of one swap.
    package struct Timing: Codable, Sendable, Equatable {
        package var minimum: Double
        package var lowerQuartile: Double
        package var median: Double
    }

    package var cpu: CPUFacts
    package var rounds: Int
    package var rows: [Row]

    /// - Parameter memory: of homes, for swaps; rounded down to 2 MiB.
    package init(subjects: Set<Subject>, rounds: Int, memory: ByteCount) throws(Failure) {
        guard (1...100_000).contains(rounds) else { throw .rounds(rounds) }
        let large = UInt64(2) << 20
        guard (large...(UInt64(64) << 30)).contains(memory.bytes) else { throw .memory(memory) }
        var result = bench_result()
        let numbers = subjects.reduce(0) { $0 | $1.number }
        bench_run(&result, numbers, UInt32(rounds), memory.bytes / large * large)
        switch result.status {
        case BENCH_OK: break
        case BENCH_WRONG: throw .wrong(result.wrong.map { String(cString: $0) } ?? "a cipher")
        default: throw .noMemory(memory)
        }
        let nanoseconds = 1e9 / result.counter_hertz
        let measured = withUnsafeBytes(of: result.rows) { bytes in
            bytes.bindMemory(to: bench_row.self).prefix(result.row_count).map {
                Row($0, nanoseconds: nanoseconds)
            }
        }
        self.init(cpu: CPUFacts(), rounds: rounds, rows: measured)
    }

    /// Puts each row in relation to its group's limit.
    init(cpu: CPUFacts, rounds: Int, rows: [Row]) {
        self.cpu = cpu
        self.rounds = rounds
        self.rows = rows.map { row in
            var row = row
            let floors = rows.filter { $0.group == row.group && $0.isFloor }
            row.overLimit = row.deciding.flatMap { time in
                floors.compactMap(\.deciding).min().map { time / $0 }
            }
            return row
        }
    }

    /// What `frost bench --format json` wrote.
    package init(reading file: URL) throws(Failure) {
        guard let data = try? Data(contentsOf: file) else { throw .missing(file.plainPath) }
        guard let benchmark = try? JSON.decode(Self.self, from: data) else {
            throw .damaged(file.plainPath)
        }
        self = benchmark
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case damaged(String)
        case rounds(Int)
        case memory(ByteCount)
        case noMemory(ByteCount)
        case wrong(String)

        package var exitCode: ExitCode {
            switch self {
            case .rounds, .memory: .usage
            case .missing: .noSuchFile
            case .damaged: .badInput
            case .noMemory: .unavailable
            case .wrong: .ourBug
            }
        }

        package var description: String {
            switch self {
            case .missing(let path):
                "There is no benchmark at \(path). Make one with frost bench --format json > FILE."
            case .damaged(let path):
                "\(path) is not what frost bench --format json writes. Make it again."
            case .rounds(let rounds): "\(rounds.of("round")) cannot be measured: ask for 1 to 100000."
            case .memory(let memory): "Swaps need 2MiB to 64GiB of memory, not \(memory)."
            case .noMemory(let memory): "There is no memory for the benchmark: ask for less than \(memory)."
            case .wrong(let name):
                "\(name) made or accepted a page that the other ciphers see differently. Run ci/test."
            }
        }
    }
}

extension CipherBenchmark.Group {
    /// Pages lie in a cache of our own: the least is the truth. Memory and kernel are shared: the least is luck.
    package var decides: KeyPath<CipherBenchmark.Timing, Double> {
        switch self {
        case .seal, .open: \.minimum
        case .swap, .fault, .missClean, .missDirty, .missMetadata, .missBlank: \.lowerQuartile
        }
    }

    init(_ group: bench_group) {
        switch group {
        case BENCH_SEAL: self = .seal
        case BENCH_OPEN: self = .open
        case BENCH_SWAP: self = .swap
        case BENCH_MISS_CLEAN: self = .missClean
        case BENCH_MISS_DIRTY: self = .missDirty
        case BENCH_MISS_METADATA: self = .missMetadata
        case BENCH_MISS_BLANK: self = .missBlank
        default: self = .fault
        }
    }
}

extension CipherBenchmark.Row {
    /// Nanoseconds, by the statistic that decides in its group.
    package var deciding: Double? { nanoseconds?[keyPath: group.decides] }

    fileprivate init(_ row: bench_row, nanoseconds: Double) {
        self.init(
            group: CipherBenchmark.Group(row.group), name: String(cString: row.name),
            isFloor: row.is_floor != 0,
            skipped: row.lack.map { String(cString: $0) },
            nanoseconds: row.lack != nil
                ? nil
                : CipherBenchmark.Timing(
                    minimum: row.minimum_cycles * nanoseconds,
                    lowerQuartile: row.quartile_cycles * nanoseconds,
                    median: row.median_cycles * nanoseconds))
    }
}

extension CipherBenchmark: CustomStringConvertible {
    package var description: String {
        let sections = Group.allCases.compactMap { group -> String? in
            let rows = rows.filter { $0.group == group }
            guard !rows.isEmpty else { return nil }
            let cells = rows.compactMap { row in
                row.nanoseconds.map { time in
                    [
                        row.name, rounded(time.minimum), rounded(time.lowerQuartile), rounded(time.median),
                        row.overLimit.map { $0.formatted(places: 2) } ?? "",
                    ]
                }
            }
            let table = TextTable(
                ["\(group.rawValue), ns", "minimum", "quartile", "median", "x limit"], cells)
            let skipped = rows.compactMap { row in row.skipped.map { "SKIP \(row.name): \($0)" } }
            return ([table.description] + skipped).joined(separator: "\n")
        }
        let head = "\(cpu.model), \(rounds.of("round"))\n"
        return ([head] + sections).joined(separator: "\n\n").replacing("\n\n\n", with: "\n\n")
    }

    private func rounded(_ time: Double) -> String { time.formatted(places: 0) }
}
