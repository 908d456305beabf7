import Foundation
import FrostCore
import FrostFormat
import FrostHost
@testable import FrostImage
@testable import FrostMachine
@testable import FrostMeasure
@testable import FrostProof
import FrostSupport
import Testing

extension BootTests {
    /// Whole runs under the model of the cache, judged; and the leaks that must be seen.
    @Suite("Cache verdicts") struct CacheVerdicts {
        static func passphrase() throws -> Passphrase { try Passphrase("a passphrase of the tests") }

        static func sealed(
            _ name: String, _ change: (inout ImageOptions) throws -> Void = { _ in }
        ) throws -> Sealed {
            try Sealed(name) {
                $0.key = .passphrase(try passphrase(), iterations: ImageKey.minimumIterations)
                try change(&$0)
            }
        }

        /// Runs and records.
        static func record(
            _ sealed: Sealed, cache: CacheChoice, canaries: [Canary]? = nil, logLimit: ByteCount = .gibibyte,
            _ change: (inout RunOptions) -> Void = { _ in }
        ) throws -> CacheRecord {
            _ = try run(sealed, cache: cache, canaries: canaries, logLimit: logLimit, change)
            return try CacheRecord(reading: sealed.scratch.file("proof"))
        }

        /// - Parameter touches: which pages are touched is kept as well, for `frost replay`.
        private static func run(
            _ sealed: Sealed, cache: CacheChoice, canaries: [Canary]? = nil, logLimit: ByteCount = .gibibyte,
            touches: Bool = false, _ change: (inout RunOptions) -> Void = { _ in }
        ) throws -> RunResult {
            var options = RunOptions(recipe: sealed.recipe)
            options.timeLimit = TimeSpan(.seconds(300))
            options.passphrase = try passphrase()
            options.record = sealed.scratch.file("proof")
            change(&options)
            var run = CacheRun(sealed.image, options: options, cache: cache)
            run.canaries = canaries ?? sealed.recipe.facts.canaries ?? []
            (run.logLimit, run.keepsTouches) = (logLimit, touches)
            return try run.record(with: Toolchain(tree: BootTests.tree()))
        }

        /// Runs, records, judges twice.
        static func verdict(
            _ sealed: Sealed, cache: CacheChoice, logLimit: ByteCount = .gibibyte,
            platform: Platform = .qemuTCG
        ) throws -> CacheVerdict {
            _ = try run(sealed, cache: cache, logLimit: logLimit) { $0.platform = platform }
            return try verdict(sealed)
        }

        private static func verdict(_ sealed: Sealed) throws -> CacheVerdict {
            var judge = try CacheJudge(CacheRecord(reading: sealed.scratch.file("proof")))
            let verdict = try judge.verdict()
            var again = try CacheJudge(CacheRecord(reading: sealed.scratch.file("proof")))
            #expect(try again.verdict() == verdict)
            return verdict
        }

        static func rules(_ verdict: CacheVerdict, _ condition: Condition) -> Set<String> {
            Set(verdict.finding(condition)?.violations.map(\.rule) ?? [])
        }

        private struct SecretRun: Sendable {
            let sealed: Sealed
            let result: RunResult

            init(_ policy: EvictionPolicy) throws {
                sealed = try CacheVerdicts.sealed("secret") { $0.policy = policy }
                result = try CacheVerdicts.run(
                    sealed, cache: CacheChoice(preset: "sapphire-rapids-l2"), touches: true)
            }
        }

        /// One run: it is judged, attacked by cold boots, and replayed.
        private static let secretRun = Result { try SecretRun(.gclockAhead) }

        @Test(
            "A guest whose pages are sealed again and again is proven, and 10,000 cold boots find nothing",
            .timeLimit(.minutes(10)))
        func secret() throws {
            let sealed = try Self.secretRun.get().sealed
            #expect(sealed.recipe.facts.canaries?.count == 3)
            let verdict = try Self.verdict(sealed)
            #expect(verdict.answer == .proven, "\(verdict)")
            let figures = verdict.findings.map(\.figure).joined(separator: "\n")
            let verified = figures.firstMatch(of: #/(\d+) homes verified/#).flatMap { Int($0.1) }
            #expect(verified ?? 0 > 1000, "\(figures)")
            #expect(!verdict.notes.contains { $0.contains("canaries") }, "\(verdict)")
            #expect(verdict.notes.contains { $0.contains("The image is for emulators") }, "\(verdict)")
            try LinuxProof.expectNoFinds(CacheRecord(reading: sealed.scratch.file("proof")), pages: 1000)
        }

        /// What `frost replay` says of the run, against what the hypervisor itself counted in it.
        @Test(
            "A replay misses, opens and seals as many pages as the hypervisor did", .timeLimit(.minutes(10)),
            arguments: [(EvictionPolicy.gclockAhead, ReplayPolicy.gclockAhead)]
                + (BootTests.isFull ? [(.clock, .clock)] : []))
        func replay(policy: EvictionPolicy, replayed: ReplayPolicy) throws {
            let run = policy == .gclockAhead ? try Self.secretRun.get() : try SecretRun(policy)
            let result = run.result
            #expect(result.exitCode == .asAsked, result.story)

            var replay = try PagerReplay(
                run.sealed.scratch.file("proof"), regions: [run.sealed.image.plan.frozen])
            replay.policies = [replayed, .optimum]
            let point = try #require(try replay.report().points.first)
            #expect(UInt64(point.slots) == result.trace.fact(.slots))
            func isNear(_ replayed: Int?, _ counters: TraceCounter...) throws {
                let counted = try counters.reduce(0) { try $0 + Int(#require(result.trace.count($1))) }
                let replayed = try #require(replayed)
                #expect(counted > 300, "\(counters): the test tests nothing")
                // What the hypervisor fetches on its own is in no record: firmware's pages, and code that it decodes.
                #expect(
                    abs(replayed - counted) <= counted / 20, "\(counters): \(replayed), counted \(counted)")
            }
            try isNear(point.misses[replayed.rawValue], .miss)
            try isNear(point.opens[replayed.rawValue], .openImaged, .openSealed)
            try isNear(point.writeBacks[replayed.rawValue], .seal)
            #expect(try #require(point.misses["optimum"]) >= point.bound)
        }

        @Test("Without a freeze the same judge finds plaintext and keys in DRAM", .timeLimit(.minutes(6)))
        func window() throws {
            let sealed = try Self.sealed("secret") { $0.freeze = .window }
            // It leaks with each line that is replaced: the first of them will do.
            let verdict = try Self.verdict(
                sealed, cache: CacheChoice(preset: "sapphire-rapids-l2"), logLimit: 16 * .mebibyte)
            #expect(verdict.answer == .leaked, "\(verdict)")
            #expect(Self.rules(verdict, .frozenRegion).isSuperset(of: ["never-frozen", "wider-write-back"]))
            #expect(Self.rules(verdict, .noSecret).contains("canary"), "\(verdict)")
            #expect(Self.rules(verdict, .accountedWrites).contains("region-write"), "\(verdict)")
        }

        @Test("In a cache that is too small, the region leaves it", .timeLimit(.minutes(2)))
        func small() throws {
            let verdict = try Self.verdict(Self.sealed("hello"), cache: CacheChoice(shape: "512KiB:8:64"))
            #expect(verdict.answer == .leaked, "\(verdict)")
            #expect(
                Self.rules(verdict, .frozenRegion)
                    .isSuperset(of: ["write-back-while-filling", "never-frozen", "cache-rule:replace-dirty"]),
                "\(verdict)")
            #expect(Self.rules(verdict, .noKey).contains("key-material"), "\(verdict)")
            #expect(Self.rules(verdict, .noFetch).contains("fetch-from-dram"), "\(verdict)")
            #expect(verdict.faults.contains { $0.contains("larger than") })
            let places = verdict.findings.flatMap(\.violations).compactMap(\.place)
            #expect(places.contains { $0.contains("secrets of the hypervisor") }, "\(places)")
        }

        /// By a debugger or a device: into the first instruction of what has run, so that nothing else comes of it.
        @Test("A change of the hypervisor's own memory that no store made is named", .timeLimit(.minutes(3)))
        func changed() throws {
            let sealed = try Self.sealed("secret")
            let symbols = try Toolchain(tree: BootTests.tree()).symbols(of: sealed.image)
            let offset = try symbols.address("start") - SymbolTable.hypervisorBase
            let record = try Self.record(sealed, cache: CacheChoice(preset: "sapphire-rapids-l2")) {
                $0.hooks = [
                    Hook(.console("secret: ready")) { machine in
                        let bytes = try machine.ram.read(at: sealed.image.plan.frozenBase + offset, count: 1)
                        try machine.ram.write([~bytes[0]], at: sealed.image.plan.frozenBase + offset)
                    }
                ]
            }
            var judge = CacheJudge(record)
            let verdict = try judge.verdict()
            #expect(verdict.answer == .leaked, "\(verdict)")
            #expect(Self.rules(verdict, .frozenRegion) == ["region-changed"], "\(verdict)")
            let violations = try #require(verdict.finding(.frozenRegion)).violations
            #expect(
                violations.allSatisfy { $0.place?.contains("start of the hypervisor") == true }, "\(verdict)")
            let broken = verdict.findings.filter { $0.holds == false }.map(\.condition)
            #expect(broken == [.frozenRegion], "\(verdict)")
        }

        @Test("An image that carries its own key cannot be proven", .timeLimit(.minutes(2)))
        func embedded() throws {
            let sealed = try Self.sealed("hello") { $0.key = .embedded }
            let verdict = try Self.verdict(sealed, cache: CacheChoice(preset: "sapphire-rapids-l2"))
            #expect(verdict.answer == .notProvable, "\(verdict)")
            #expect(verdict.faults.contains { $0.contains("carries its own key") })
        }

        @Test("A run that is killed, and one whose log is full, prove nothing", .timeLimit(.minutes(2)))
        func unfinished() throws {
            let cache = try CacheChoice(preset: "sapphire-rapids-l2")
            // One that goes on for ever, and one that comes to its end.
            let stopped = try Self.sealed("revisit"), whole = try Self.sealed("hello")
            var judge = try CacheJudge(Self.record(stopped, cache: cache) { $0.until = "revisit: ready" })
            let killed = try judge.verdict()
            #expect(killed.answer == .notProvable, "\(killed)")
            #expect(killed.faults.contains { $0.contains("region-end.bin") }, "\(killed)")

            let full = try Self.verdict(whole, cache: cache, logLimit: 64 * .kibibyte)
            #expect(full.answer == .notProvable, "\(full)")
            #expect(full.faults.contains { $0.contains("reached its limit") }, "\(full)")
        }
    }
}
