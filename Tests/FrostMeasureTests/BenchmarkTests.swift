import FrostMeasure
import FrostSupport
import Testing

/// What `frost bench` times, in rounds too few to tell how long it takes.
@Suite("Benchmark", .serialized) struct BenchmarkTests {
    static let misses: Set<CipherBenchmark.Group> = [.missClean, .missDirty, .missMetadata, .missBlank]
    static let cipher: Set<CipherBenchmark.Group> = [.seal, .open, .swap]

    /// The benchmark itself fails when a miss is not of the kind that its row tells of.
    @Test(
        "Each subject has its rows, and page faults beside them", arguments: CipherBenchmark.Subject.allCases)
    func subjects(subject: CipherBenchmark.Subject) throws {
        let benchmark = try CipherBenchmark(subjects: [subject], rounds: 5, memory: 2 * ByteCount.mebibyte)
        let groups = Set(benchmark.rows.map(\.group))
        #expect(groups == (subject == .miss ? Self.misses : Self.cipher).union([.fault]))
        for row in benchmark.rows where row.skipped == nil {
            #expect(try #require(row.deciding) > 0, "\(row)")
            if row.group != .fault { #expect(try #require(row.overLimit) > 0, "\(row)") }
        }
        for group in groups {
            #expect(benchmark.rows.contains { $0.group == group && !$0.isFloor && $0.skipped == nil })
            #expect(benchmark.description.contains("\(group.rawValue), ns"))
        }
    }
}
