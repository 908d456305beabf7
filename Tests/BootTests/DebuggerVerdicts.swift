import Foundation
import FrostCore
import FrostFormat
import FrostImage
import FrostMachine
@testable import FrostProof
import FrostSupport
import Testing

extension BootTests {
    /// What Bochs's debugger sees of a run, on the CPUs of both vendors: nothing against the sound hypervisor, and each
    /// fault by its rule.
    @Suite("Debugger verdicts") struct DebuggerVerdicts {
        @Test(
            "Nothing speaks against the sound hypervisor, and each fault is named", .timeLimit(.minutes(20)))
        func table() {
            DebuggerVerdictRow.judge(DebuggerVerdictRow.all)
        }

        @Test(
            "The same on the other CPUs", .enabled(if: BootTests.isFull, BootTests.fullOnly),
            .timeLimit(.minutes(30)))
        func otherRows() {
            DebuggerVerdictRow.judge(DebuggerVerdictRow.others)
        }

        // MARK: memory

        @Test(
            "Under VMX secrets stand in the frozen region only, and every home verifies",
            .timeLimit(.minutes(5)))
        func memoryAtEnd() throws {
            let sealed = try DebuggerVerdictRow().sealed()
            let folder = RunFolder(sealed.scratch.file("debugger"))
            let watch = LockWatch(folder.folder, for: folder.debuggerInputs)
            let record = try DebuggerVerdictRow().record(sealed)
            #expect(watch.result() == true, "the folder was free before the record was whole")
            let ram = try #require(record.ram), view = try #require(try record.view())
            let finds = try MemorySearch(Array(Markers.texts.prefix(1))).finds(in: ram)
            #expect(finds.count > 1, "the search found nothing: it proves nothing")
            #expect(MemorySearch.verdict(finds, for: sealed.image) == .insideOnly(count: finds.count))
            let keys = try MemorySearch(named: view.keyBlocks()).finds(in: ram)
            #expect(keys.count > 40)
            #expect(MemorySearch.verdict(keys, for: sealed.image) == .insideOnly(count: keys.count))
            let audit = try TreeAudit(view)
            #expect(audit.broken.isEmpty && audit.repeated == 0)
            #expect(audit.sealedPages.count > 100)

            // The same record, judged twice; and one whose memory was changed.
            var judge = DebuggerJudge(record), again = DebuggerJudge(record)
            let verdict = try judge.verdict()
            #expect(verdict.answer == .noViolation, "\(verdict)")
            #expect(try again.verdict() == verdict)
            let home = view.plan.home(try #require(audit.sealedPages.first))
            try ram.write([0x5A], at: home + 99)
            var changed = DebuggerJudge(record)
            let violations = try changed.verdict().finding(.accountedWrites)?.violations ?? []
            #expect(violations.contains { $0.rule == "wrong-tag" && $0.address == home })
        }

        @Test("Without a freeze the same search finds the secrets in memory", .timeLimit(.minutes(5)))
        func window() throws {
            let row = DebuggerVerdictRow(freeze: .window)
            let sealed = try row.sealed()
            let ram = try #require(try row.record(sealed).ram)
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
            let sealed = try DebuggerVerdictRow().sealed()
            let result = try sealed.run {
                ($0.platform, $0.cpu, $0.keepsRAM) = (.bochs, cpu, true)
                $0.passphrase = try DebuggerVerdictRow.passphrase()
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

extension DebuggerVerdictRow: VerdictRow {
    func sealed() throws -> Sealed { try sealed(isKeyEmbedded: false) }

    func record(_ sealed: Sealed) throws -> DebuggerRecord {
        let folder = sealed.scratch.file("debugger")
        var options = try Self.options(sealed, record: folder)
        options.cpu = cpu
        var run = DebuggerRun(sealed.image, options: options)
        (run.windows, run.canaries) = (windows, sealed.recipe.facts.canaries ?? [])
        _ = try run.record(with: Toolchain(tree: BootTests.tree()))
        return try DebuggerRecord(reading: folder)
    }

    func verdict(of sealed: Sealed) throws -> DebuggerVerdict {
        var judge = DebuggerJudge(try record(sealed))
        return try judge.verdict()
    }

    func failures(of verdict: DebuggerVerdict) -> [String] {
        guard verdict.answer == answer else {
            return ["the answer is \(verdict.answer), not \(answer):\n\(verdict)"]
        }
        return answer == .violation ? missing(in: verdict.finding(condition), of: verdict) : []
    }
}
