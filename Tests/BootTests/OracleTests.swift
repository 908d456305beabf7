import FrostCore
import Foundation
import Synchronization
import Testing

@testable import FrostKit

extension BootTests {
    /// What Bochs's debugger sees of a run, on the CPUs of both vendors: nothing against the sound hypervisor, and each
    /// sin by its name.
    @Suite("Oracle") struct Oracle {
        private static func passphrase() throws -> Passphrase { try Passphrase("a passphrase of the tests") }

        /// What is run once, however many rows look at it.
        private struct Run: Hashable {
            var control: String?
            var guest, cpu: String
            var freeze: FreezeStrategy
        }

        private static func run(_ row: OracleRow) -> Run {
            Run(control: row.control, guest: row.guest, cpu: "\(row.cpu)", freeze: row.freeze)
        }

        private static func sealed(_ row: OracleRow) throws -> Sealed {
            let tree = try BootTests.tree()
            let recipe = try Recipe(folder: tree.images.appending(path: "controls/\(row.guest)"))
            func seal(_ tree: SourceTree) throws -> Sealed {
                try Sealed(recipe, in: tree) {
                    $0.freeze = row.freeze
                    $0.key = .passphrase(try passphrase(), iterations: ImageKey.minimumIterations)
                }
            }
            return try row.control.map { try Control(named: $0, in: tree).inject(into: tree, seal) }
                ?? seal(tree)
        }

        private static func record(_ row: OracleRow, _ sealed: Sealed) throws -> OracleRecord {
            var options = RunOptions(recipe: sealed.recipe)
            options.cpu = row.cpu
            options.timeLimit = TimeSpan(.seconds(300))
            options.passphrase = try passphrase()
            options.record = sealed.scratch.file("oracle")
            var run = OracleRun(sealed.image, options: options)
            run.windows = row.windows
            run.canaries = sealed.recipe.facts.canaries ?? []
            _ = try run.record(with: Toolchain(tree: BootTests.tree()))
            return try OracleRecord(reading: sealed.scratch.file("oracle"))
        }

        private static func verdict(_ row: OracleRow) throws -> OracleVerdict {
            let sealed = try sealed(row)
            var judge = OracleJudge(try record(row, sealed))
            return try judge.verdict()
        }

        /// What a verdict does not say, a sentence each.
        private static func complaints(of row: OracleRow, _ verdict: OracleVerdict) -> [String] {
            guard verdict.answer == row.answer else {
                return ["the answer is \(verdict.answer), not \(row.answer):\n\(verdict)"]
            }
            guard row.answer == .offence else { return [] }
            let offences = verdict.finding(row.condition)?.offences ?? []
            var complaints = row.rules.filter { rule in !offences.contains { $0.rule == rule } }
                .map { "\(row.condition.rawValue) does not name \($0)" }
            let isPlaced = offences.contains {
                $0.rule == row.rules.first && (row.place.isEmpty || $0.place?.contains(row.place) == true)
                    && (row.instruction.isEmpty || $0.instruction?.contains(row.instruction) == true)
            }
            if !isPlaced {
                complaints.append("no \(row.rules.first ?? "") at '\(row.place)' by '\(row.instruction)'")
            }
            return complaints.isEmpty ? [] : complaints + ["\(verdict)"]
        }

        private func judge(_ rows: [OracleRow]) {
            let runs = Array(Dictionary(grouping: rows, by: Self.run)).map(\.value)
                .sorted { $0[0].name < $1[0].name }
            let said = Mutex<[String]>([])
            DispatchQueue.concurrentPerform(iterations: 2) { worker in
                for (_, rows) in runs.enumerated().filter({ $0.offset % 2 == worker }) {
                    let complaints: [String]
                    do {
                        let verdict = try Self.verdict(rows[0])
                        complaints = rows.flatMap { row in
                            Self.complaints(of: row, verdict).map { "\(row.name): \($0)" }
                        }
                    } catch {
                        complaints = ["\(rows[0].name): \(error)"]
                    }
                    said.withLock { $0 += complaints }
                }
            }
            for complaint in said.withLock({ $0 }) { Issue.record(Comment(rawValue: complaint)) }
        }

        @Test("Nothing speaks against the sound hypervisor, and each sin is named", .timeLimit(.minutes(20)))
        func table() {
            judge(OracleRow.all)
        }

        @Test(
            "The same on the other CPUs", .enabled(if: BootTests.isFull, BootTests.fullOnly),
            .timeLimit(.minutes(30)))
        func otherRows() {
            judge(OracleRow.others)
        }

        // MARK: memory

        @Test(
            "Under VMX secrets stand in the frozen region only, and every home verifies",
            .timeLimit(.minutes(5)))
        func memoryAtEnd() throws {
            let sealed = try Self.sealed(OracleRow())
            let record = try Self.record(OracleRow(), sealed)
            let ram = try #require(record.ram), view = try #require(try record.view())
            let finds = try MemorySearch(Array(Markers.texts.prefix(1))).finds(in: ram)
            #expect(finds.count > 1, "the search found nothing: it proves nothing")
            #expect(MemorySearch.verdict(finds, for: sealed.image) == .insideOnly(count: finds.count))
            let keys = try MemorySearch(named: view.keyBlocks()).finds(in: ram)
            #expect(keys.count > 40)
            #expect(MemorySearch.verdict(keys, for: sealed.image) == .insideOnly(count: keys.count))
            let audit = try TreeAudit(view)
            #expect(audit.broken.isEmpty && audit.repeated == 0)
            #expect(audit.sleeping.count > 100)

            // The same record, judged twice; and one whose memory was changed.
            var judge = OracleJudge(record), again = OracleJudge(record)
            let verdict = try judge.verdict()
            #expect(verdict.answer == .noOffence, "\(verdict)")
            #expect(try again.verdict() == verdict)
            let home = view.plan.home(try #require(audit.sleeping.first))
            try ram.write([0x5A], at: home + 99)
            var changed = OracleJudge(record)
            let offences = try changed.verdict().finding(.accountedWrites)?.offences ?? []
            #expect(offences.contains { $0.rule == "wrong-tag" && $0.address == home })
        }

        @Test("Without a freeze the same search finds the secrets in memory", .timeLimit(.minutes(5)))
        func window() throws {
            let row = OracleRow(freeze: .window)
            let sealed = try Self.sealed(row)
            let ram = try #require(try Self.record(row, sealed).ram)
            let finds = try MemorySearch(Markers.texts).finds(in: ram)
            guard case .plaintextFound = MemorySearch.verdict(finds, for: sealed.image) else {
                Issue.record("the baseline must leak, and the search must say so")
                return
            }
        }

        @Test(
            "After power-off no key and no secret is left in the memory that Bochs keeps",
            .timeLimit(.minutes(5)),
            arguments: [CPUChoice.intel, .amd])
        func wiped(cpu: CPUChoice) throws {
            let sealed = try Self.sealed(OracleRow())
            let result = try sealed.run {
                ($0.platform, $0.cpu, $0.keepsRAM) = (.bochs, cpu, true)
                $0.passphrase = try Self.passphrase()
                $0.record = sealed.scratch.file("run")
                $0.symbols = try Toolchain(tree: BootTests.tree()).symbols(of: sealed.image)
            }
            #expect(result.exitCode == .asAsked, result.story)
            let memory = try Data(contentsOf: RunFolder(sealed.scratch.file("run")).ram)
            #expect(memory.count == Int(sealed.image.plan.ram.bytes))
            #expect(memory.contains { $0 != 0 })
            #expect(try sealed.leftovers([]).isEmpty)
        }
    }
}
