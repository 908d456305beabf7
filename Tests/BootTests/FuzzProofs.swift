import Foundation
import FrostCore
import FrostHost
@testable import FrostImage
import FrostMachine
@testable import FrostProof
import FrostSupport
import ResidencyRecord
import Testing

extension BootTests {
    /// The fuzz guest under the model of the cache. Much of what it tries in vain would flush the caches, were it not
    /// refused: docs/design/proof.md, "What the CPU refuses".
    @Suite("FuzzProofs") struct FuzzProofs {
        static let safe: ClosedRange<UInt64> = isFull ? 1...20 : 1...2
        /// Of the whole space: no violation, non-temporal stores, a write to the port of SMIs.
        static let whole: [UInt64] = isFull ? Array(1...40) : [1, 8, 21]

        /// A run and what is said of it.
        private struct Proof {
            let verdict: CacheVerdict
            let end: residency_end?

            var violations: [Violation] { verdict.findings.flatMap(\.violations) }
            var guestsControl: [Violation] { violations.filter { $0.rule == "guest-cache-control" } }
        }

        private static func proof(
            _ commandLine: String, in tree: SourceTree? = nil, flagsOffset: Int? = nil,
            _ change: (inout RunOptions) -> Void = { _ in }
        ) throws -> Proof {
            let passphrase = try CacheVerdicts.passphrase()
            let sealed = try Sealed(Recipe(named: "fuzz", in: BootTests.tree()), in: tree) {
                $0.commandLine = commandLine
                $0.key = .passphrase(passphrase, iterations: ImageKey.minimumIterations)
            }
            var options = RunOptions(recipe: sealed.recipe)
            options.timeLimit = TimeSpan(.seconds(300))
            options.passphrase = passphrase
            options.record = sealed.scratch.file("proof")
            change(&options)
            var run = CacheRun(sealed.image, options: options, cache: try CacheChoice(preset: "zen2-l3"))
            run.logLimit = .gibibyte
            run.flagsOffset = flagsOffset
            _ = try run.record(with: Toolchain(tree: BootTests.tree()))
            let record = try CacheRecord(reading: sealed.scratch.file("proof"))
            var judge = CacheJudge(record)
            return Proof(verdict: try judge.verdict(), end: RecordSurvey(record.log).end)
        }

        @Test("Programs of the safe space are proven", .timeLimit(.minutes(isFull ? 30 : 4)))
        func safe() throws {
            var refused: UInt64 = 0
            for seed in Self.safe {
                let proof = try Self.proof("seed=\(seed) cases=20")
                #expect(proof.verdict.answer == .proven, "seed \(seed): \(proof.verdict)")
                #expect(proof.end?.privilege_misfits == 0, "seed \(seed)")
                refused += proof.end?.refused ?? 0
            }
            #expect(refused > 0, "nothing was refused: these seeds show nothing of it")
        }

        @Test(
            "What is not refused is caught, from ring 0", .timeLimit(.minutes(4)),
            arguments: ["no-cache-intercepts", "no-cr0-intercept"])
        func control(name: String) throws {
            let tree = try BootTests.tree()
            let proof = try Fault(named: name, in: tree).inject(into: tree) {
                try Self.proof("seed=1 cases=20", in: $0)
            }
            #expect(proof.verdict.answer == .leaked, "\(proof.verdict)")
            #expect(
                proof.guestsControl.contains { $0.instruction?.contains("the guest at") == true },
                "\(proof.verdict)")
            // Where nobody intercepts CR0, the plugin does not know whether long mode is active, and is cautious.
            if name == "no-cache-intercepts" { #expect(proof.end?.privilege_misfits == 0) }
        }

        /// Offsets in QEMU's state of the CPU: of its next word, and of every one from RIP on.
        static let wrongOffsets =
            isFull ? stride(from: 128, through: 240, by: 4).filter { $0 != 176 } : [180]

        @Test(
            "Where the privilege level is not what it is taken for, nothing counts as refused",
            .timeLimit(.minutes(isFull ? 10 : 2)), arguments: wrongOffsets)
        func doubt(offset: Int) throws {
            let proof = try Self.proof("seed=1 cases=20", flagsOffset: offset)
            #expect(proof.end?.privilege_misfits ?? 0 > 0)
            #expect(proof.end?.refused == 0)
            #expect(proof.verdict.answer == .leaked, "\(proof.verdict)")
            #expect(!proof.guestsControl.isEmpty, "\(proof.verdict)")
        }

        // MARK: any bytes at all

        /// Rules by which a guest pushes its own lines out, with instructions that nobody can intercept.
        private static let pushes: Set<String> = [
            "flush-unknown", "cache-rule:clflush", "cache-rule:clwb", "cache-rule:cldemote",
            "cache-rule:nt-store", "cache-rule:nt-hit",
        ]
        /// What then comes of it: the line in DRAM, and who brings it back.
        private static let consequences: [Condition: Set<String>] = [
            .frozenRegion: ["cache-rule:fill", "cache-rule:write-allocate", "cache-rule:prefetch"],
            .accountedWrites: ["region-write"],
            .noSecret: ["plaintext-block"],
        ]

        /// What is not the guest's own doing, a sentence each.
        private static func failures(of verdict: CacheVerdict) -> [String] {
            var failures = verdict.faults.filter {
                !$0.contains("did not end as asked") && !$0.contains("There is no region-end.bin")
            }
            let all = verdict.findings.flatMap { finding in finding.violations.map { (finding.condition, $0) }
            }
            let hasPushed = all.contains { pushes.contains($1.rule) }
            for (condition, violation) in all {
                let isPush =
                    pushes.contains(violation.rule)
                    && violation.instruction?.hasPrefix("the guest at") == true
                let isConsequence =
                    hasPushed && consequences[condition]?.contains(violation.rule) == true
                    && violation.place?.hasPrefix("the frozen region") == true
                if !isPush && !isConsequence {
                    failures.append("\(condition.rawValue): \(violation)")
                }
            }
            return failures
        }

        @Test(
            "Whatever bytes a guest executes, nothing leaves the region but what it pushes out itself",
            .timeLimit(.minutes(isFull ? 60 : 4)))
        func whole() throws {
            for seed in Self.whole {
                let proof = try Self.proof("seed=\(seed) cases=200 space=whole") { $0.hooks = [Fuzz.endless] }
                let failures = Self.failures(of: proof.verdict)
                #expect(failures.isEmpty, "seed \(seed): \(failures)\n\(proof.verdict)")
                #expect(proof.end == nil || proof.end?.privilege_misfits == 0, "seed \(seed)")
            }
        }
    }
}
