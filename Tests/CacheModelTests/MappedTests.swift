import CacheModel
import FrostSupport
import Testing

/// Finding lines by a table instead of by search must change nothing but the time it takes.
@Suite struct MappedTests {
    @Test(
        "Lines found by a table move as lines found by search",
        arguments: [CACHE_TRUE_LRU, CACHE_TREE_PLRU, CACHE_RANDOM])
    func table(replacement: cache_replacement) throws {
        var geometry = SimulatedCache.tiny
        (geometry.ways, geometry.sets, geometry.replacement) = (4, 8, replacement)
        let seed = UInt64.random(in: 1...UInt64.max)
        print("seed \(seed)")
        // A table for half of the addresses, so that both kinds share their sets.
        let plain = try #require(SimulatedCache(geometry, vendor: CACHE_AMD, seed: seed))
        let mapped = try #require(
            SimulatedCache(geometry, vendor: CACHE_AMD, seed: seed, mappedBytes: 0x4000))
        var random = SplitMix64(seed: seed)
        let kinds = [
            ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH, ACCESS_NT_STORE, ACCESS_CLFLUSH, ACCESS_CLWB,
            ACCESS_WRITE,
        ]
        for step in 0..<100_000 {
            let address = random.next() % 0x8000
            let kind = kinds[Int(random.next() % UInt64(kinds.count))]
            for cache in [plain, mapped] {
                cache.access(kind, address)
                if step.isMultiple(of: 10_000) { cache_all(cache.model, ACCESS_WBNOINVD, 0) }
            }
            #expect(cache_line_state(plain.model, address) == cache_line_state(mapped.model, address))
        }
        #expect(plain.events.count > 10_000)
        #expect(plain.events.map(\.address) == mapped.events.map(\.address))
        #expect(plain.events.map(\.kind) == mapped.events.map(\.kind))
    }
}
