import CacheModel
import FrostSupport
import Testing

@Suite struct CacheTests {
    @Test("An access that crosses lines touches each of them, with its own part of the bytes")
    func split() throws {
        let cache = try #require(SimulatedCache())
        cache.access(ACCESS_WRITE, 0x7C, bytes: 72, page: MEMORY_UC, tag: 99)
        let events = cache.takeEvents()
        #expect(events.map(\.address) == [0x7C, 0x80, 0xC0])
        #expect(events.map(\.bytes) == [4, 64, 4])
        #expect(events.allSatisfy { $0.tag == 99 && $0.type == MEMORY_UC && $0.access == ACCESS_WRITE })

        cache.access(ACCESS_READ, 0x3F, bytes: 2)
        #expect(cache.takeLog() == ["fill fill 0x0", "fill fill 0x40"])
        cache.access(ACCESS_READ, 0x80, bytes: 0)
        #expect(cache.takeLog().isEmpty)
        #expect(cache_counters(cache.model).pieces == 5)
    }

    @Test("Lines may be shorter or longer than 64 bytes", arguments: [16, 32, 128, 4096] as [UInt32])
    func lines(bytes: UInt32) throws {
        var geometry = SimulatedCache.tiny
        geometry.line_bytes = bytes
        let cache = try #require(SimulatedCache(geometry))
        let line = UInt64(bytes)
        cache.access(ACCESS_WRITE, 7 * line - 1, bytes: 2)
        cache.access(ACCESS_READ, 10 * line + 1, bytes: bytes - 1)
        cache.access(ACCESS_READ, 14 * line, bytes: bytes)  // 6, 10 and 14 share a set
        let events = cache.takeEvents()
        #expect(events.map { $0.address / line } == [6, 7, 10, 6, 14])
        #expect(events.allSatisfy { $0.bytes == bytes && $0.address % line == 0 })
    }

    @Test("A write-back names the access that caused it, not the one that wrote the line")
    func tag() throws {
        let cache = try #require(SimulatedCache())
        cache.access(ACCESS_WRITE, 0, tag: 1)
        cache.access(ACCESS_WRITE, 0x100, tag: 2)
        cache.access(ACCESS_FETCH, 0x200, tag: 3)
        let last = cache.takeEvents().suffix(2)
        #expect(last.map(\.tag) == [3, 3])
        #expect(last.map(\.text) == ["write-back replace-dirty 0x0", "fill fill 0x200"])
        #expect(last.first?.access == ACCESS_FETCH)
    }

    @Test("DRAM is stale for exactly the lines that were written and have not been written back")
    func dram() throws {
        let cache = try #require(SimulatedCache())
        #expect(cache_line_state(cache.model, 0) == LINE_ABSENT)
        cache.read(0)
        #expect(cache_line_state(cache.model, 63) == LINE_CLEAN)
        cache.write(0)
        #expect(cache_line_state(cache.model, 63) == LINE_MODIFIED)
        #expect(cache_line_state(cache.model, 64) == LINE_ABSENT)
        cache.access(ACCESS_CLWB, 0)
        #expect(cache_line_state(cache.model, 0) == LINE_CLEAN)
        cache.access(ACCESS_WALK_WRITE, 0)
        #expect(cache_line_state(cache.model, 0) == LINE_MODIFIED)
        cache_all(cache.model, ACCESS_INVD, 0)
        #expect(cache_line_state(cache.model, 0) == LINE_ABSENT)
    }

    /// Memory and DRAM, moved only as the events say: a machine whose programs must not notice the cache.
    @Test(
        "Data that follows the events reads back as it was written, whatever the types", arguments: [1, 2, 3])
    func data(seed: UInt64) throws {
        let cache = try #require(SimulatedCache(vendor: seed == 2 ? CACHE_AMD : CACHE_INTEL))
        var random = SplitMix64(seed: seed)
        var dram = Array(repeating: UInt64(0), count: 64)  // a word for each line
        var held: [UInt64: UInt64] = [:]
        var memory = dram  // what a program must see
        let types = [MEMORY_WB, MEMORY_WB, MEMORY_UC, MEMORY_WC, MEMORY_WT, MEMORY_WP]
        let kinds = [ACCESS_READ, ACCESS_WRITE, ACCESS_WRITE, ACCESS_NT_STORE, ACCESS_CLFLUSH, ACCESS_CLWB]
        for step in 1...20_000 as ClosedRange<UInt64> {
            if random.below(500) == 0 { cache_write_cr0(cache.model, random.below(2) << 30) }
            let kind = kinds[Int(random.below(6))]
            let line = random.below(64)
            let write = kind == ACCESS_WRITE || kind == ACCESS_NT_STORE
            cache.access(kind, line * 64, page: types[Int(random.below(6))])
            if write { memory[Int(line)] = step }
            for event in cache.takeEvents() {
                let moved = event.address / 64
                switch event.kind {
                case BUS_FILL: held[moved] = dram[Int(moved)]
                case BUS_WRITE_BACK: dram[Int(moved)] = try #require(held[moved])
                case BUS_WRITE: dram[Int(moved)] = step
                case BUS_READ: #expect(dram[Int(moved)] == memory[Int(moved)])
                default: break
                }
                if cache_line_state(cache.model, event.address) == LINE_ABSENT { held[moved] = nil }
            }
            if write, held[line] != nil { held[line] = step }
            for line in 0..<UInt64(64) {
                let state = cache_line_state(cache.model, line * 64)
                guard (held[line] != nil) == (state != LINE_ABSENT),
                    held[line] ?? dram[Int(line)] == memory[Int(line)],
                    state == LINE_MODIFIED || dram[Int(line)] == memory[Int(line)]
                else {
                    Issue.record("line \(line) is wrong after step \(step)")
                    return
                }
            }
        }
        #expect(cache_counters(cache.model).write_backs > 500)
    }

    @Test("Counters count what the listener is told")
    func counters() throws {
        let cache = try #require(SimulatedCache())
        var random = SplitMix64(seed: 3)
        for _ in 0..<2_000 {
            let kind = access_kind(rawValue: UInt8(random.below(10)))
            cache.access(kind, random.below(0x2000), page: random.below(4) == 0 ? MEMORY_UC : MEMORY_WB)
        }
        cache_all(cache.model, ACCESS_INVD, 0)
        let kinds = cache.takeEvents().reduce(into: [bus_kind: UInt64]()) { $0[$1.kind, default: 0] += 1 }
        let counters = cache_counters(cache.model)
        #expect(kinds[BUS_FILL] == counters.fills)
        #expect(kinds[BUS_WRITE_BACK] == counters.write_backs)
        #expect(kinds[BUS_READ] == counters.reads)
        #expect(kinds[BUS_WRITE] == counters.writes)
        #expect(kinds[BUS_DROP] == counters.drops)
        #expect(kinds[BUS_LOSE] == counters.losses)
        let byRule = (0..<RULE_COUNT.rawValue).map { cache_rule_count(cache.model, cache_rule(rawValue: $0)) }
        #expect(byRule.reduce(0, +) == kinds.values.reduce(0, +))
    }
}
