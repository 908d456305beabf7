import Foundation
import FrostFormat
import FrostHost
import FrostImage
@testable import FrostMachine
@testable import FrostMeasure
import FrostProof
import FrostSupport
import Testing

extension BootTests {
    /// What `frost replay` says of a run, against what the hypervisor itself counted in it.
    @Suite("Replays") struct Replays {
        @Test(
            "A replay misses, opens and seals as many pages as the hypervisor did", .timeLimit(.minutes(5)),
            arguments: [(EvictionPolicy.gclockAhead, ReplayPolicy.gclockAhead)]
                + (BootTests.isFull ? [(.clock, .clock)] : []))
        func agrees(policy: EvictionPolicy, replayed: ReplayPolicy) throws {
            let sealed = try CacheVerdicts.sealed("secret") { $0.policy = policy }
            var options = RunOptions(recipe: sealed.recipe)
            options.passphrase = try CacheVerdicts.passphrase()
            options.timeLimit = TimeSpan(.seconds(240))
            let folder = sealed.scratch.file("proof")
            options.record = folder
            var run = CacheRun(
                sealed.image, options: options, cache: try CacheChoice(preset: "sapphire-rapids-l2"))
            run.keepsTouches = true
            let result = try run.record(with: Toolchain(tree: BootTests.tree()))
            #expect(result.exitCode == .asAsked, result.story)

            var replay = try PagerReplay(folder, regions: [sealed.image.plan.frozen])
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
    }
}
