import Foundation
@testable import FrostAttack
import FrostFormat
import FrostHost
import FrostImage
import FrostMachine
@testable import FrostProof
import FrostSupport
import Testing

extension BootTests {
    /// Whole machines under the model of the cache, and what a cold boot would have read of them.
    @Suite("Proof of Linux") struct LinuxProof {
        struct Row: Sendable, CustomTestStringConvertible {
            var frozen: String
            var preset: String
            var job = "boot"

            var testDescription: String { "\(job), \(frozen), \(preset)" }
        }

        static let rows: [Row] =
            [Row(frozen: "32MiB", preset: "zen3-l3")]
            + (BootTests.isFull
                ? [
                    Row(frozen: "8MiB", preset: "zen2-l3"),
                    Row(frozen: "2MiB", preset: "sapphire-rapids-l2"),
                    Row(frozen: "8MiB", preset: "zen2-l3", job: "md5"),
                ] : [])

        @Test(
            "Linux is proven, and 10,000 cold boots find nothing", .timeLimit(.minutes(60)), arguments: rows)
        func linux(row: Row) throws {
            let sealed = try CacheVerdicts.sealed("linux") {
                $0.frozen = try ByteCount(parsing: row.frozen)
                $0.commandLine = "console=ttyS0,115200 panic=-1 libata.dma=0 frost.job=\(row.job)"
            }
            let record = try CacheVerdicts.record(
                sealed, cache: CacheChoice(preset: row.preset), canaries: Self.texts(),
                logLimit: 4 * .gibibyte
            ) {
                $0.expected = ["frost: \(row.job) done, powering off"]
                $0.timeLimit = TimeSpan(.seconds(3000))
            }
            var judge = CacheJudge(record)
            let verdict = try judge.verdict()
            #expect(verdict.answer == .proven, "\(verdict)")
            #expect(!verdict.notes.contains { $0.contains("canaries") }, "\(verdict)")
            try Self.expectNoFinds(record, pages: 10_000)
        }

        /// The control: the same search of the same guest, in ordinary memory behind a cache.
        @Test(
            "Where nothing is frozen, one cold boot finds the kernel, its texts and the keys",
            .timeLimit(.minutes(10)))
        func window() throws {
            let sealed = try CacheVerdicts.sealed("linux") { $0.freeze = .window }
            let record = try CacheVerdicts.record(
                sealed, cache: CacheChoice(preset: "zen2-l2"), canaries: Array(Self.texts().prefix(1))
            ) {
                // By then the kernel has written enough to push itself and the keys out.
                ($0.until, $0.expected) = ("Memory: ", [])
            }
            let report = try Self.coldboot(record, at: .end)
            for result in report.results {
                #expect(result.mostAtOnce > 0, "\(result.kind.title): \(report)")
            }
            #expect(report.results.first { $0.kind == .blocks }?.mostAtOnce ?? 0 > 10_000, "\(report)")
        }

        // MARK: steps

        private static func texts() throws -> [Canary] { try Linux.texts.map { try Canary(parsing: $0) } }

        private static func coldboot(_ record: CacheRecord, at instants: ColdbootInstants) throws
            -> ColdbootReport
        {
            var options = Coldboot.Options()
            options.instants = instants
            return try Coldboot(record, options: options).run().report
        }

        /// - Parameter pages: that must have changed, else the instants were all alike.
        static func expectNoFinds(_ record: CacheRecord, pages: Int) throws {
            let report = try coldboot(record, at: .random(10_000))
            #expect(!report.hasFound, "\(report)")
            #expect(report.instants == 10_000 && report.searchedPages > pages, "\(report)")
        }
    }
}
