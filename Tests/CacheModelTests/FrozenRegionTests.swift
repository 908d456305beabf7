import CacheModel
import FrostSupport
import Testing

/// A frozen region as the strategy `fit` makes it: all else uncacheable, every line modified, then watched.
@Suite struct FrozenRegionTests {
    static let base: UInt64 = 0x0200_0000
    static let windowBase: UInt64 = 0x0300_0000  // write-combining, one frame
    static let presets = ["zen2-l2", "zen4-l2", "skylake-sp-l2", "skylake-u-l2", "skylake-l3"]

    /// - Parameter share: how many times the region goes into the cache's usable bytes.
    func frozen(_ name: String, share: UInt64 = 1, replacement: cache_replacement? = nil) throws
        -> SimulatedCache
    {
        let preset = try #require(cache_preset_named(name)).pointee
        var geometry = preset.geometry
        if let replacement { geometry.replacement = replacement }
        let cache = try #require(SimulatedCache(geometry, vendor: preset.vendor, memory: MEMORY_UC))
        let bytes = cache_usable_bytes(geometry) / share
        cache.setRange(0, base: Self.base, bytes: bytes, type: MEMORY_WB)
        cache.setRange(1, base: Self.windowBase, bytes: 0x1000, type: MEMORY_WC)
        freeze(cache, bytes: bytes)
        return cache
    }

    func freeze(_ cache: SimulatedCache, bytes: UInt64) {
        for address in stride(from: Self.base, to: Self.base + bytes, by: 64) { cache.write(address) }
        #expect(cache_watch(cache.model, Self.base, bytes))
        _ = cache.takeEvents()
    }

    @Test("A region that fits stays through a million accesses", arguments: presets)
    func stays(name: String) throws {
        let cache = try frozen(name)
        #expect(cache_watch_holds(cache.model))
        let before = cache_counters(cache.model)
        let bytes = cache.watch.bytes
        let kinds = [
            ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH, ACCESS_WALK, ACCESS_WALK_WRITE, ACCESS_PREFETCH,
        ]
        var random = SplitMix64(seed: 7)
        var outside: UInt64 = 0
        cache.keepsEvents = false
        for _ in 0..<1_000_000 {
            let draw = random.next()
            switch draw & 3 {
            case 0:
                cache.access(ACCESS_WRITE, Self.windowBase + (draw >> 32) % 0xFF8)
                outside += 1
            case 1:
                cache.access(draw & 4 == 0 ? ACCESS_READ : ACCESS_NT_STORE, 0x0400_0000 + (draw >> 32) & ~7)
                outside += 1
            default:
                cache.access(kinds[Int(draw >> 8 % 6)], Self.base + (draw >> 16) % (bytes - 8))
            }
        }
        let after = cache_counters(cache.model)
        #expect(cache_watch_holds(cache.model))
        #expect(after.fills == before.fills && after.write_backs == 0 && after.drops == 0)
        #expect(after.reads + after.writes >= outside)  // a few cross lines
    }

    /// What is done to a frozen region, and the first violation that must follow.
    struct Control: Sendable, CustomTestStringConvertible {
        let what: String
        var preset = "skylake-u-l2"
        let act: @Sendable (SimulatedCache) -> Void
        let first: String

        var testDescription: String { what }
    }

    static let controls: [Control] = [
        .init(
            what: "CD = 1 on AMD", preset: "zen2-l2",
            act: {
                $0.disableCache()
                $0.read(base + 0x1008)
            }, first: "write-back amd-cd-hit 0x2001000"),
        .init(
            what: "CD = 1 on Intel under nested paging",
            act: {
                $0.disableCache()
                $0.access(ACCESS_READ, base + 8, nested: MEMORY_WB)
            }, first: "write-back intel-nested-cd-hit 0x2000000"),
        .init(
            what: "WBINVD", act: { cache_all($0.model, ACCESS_WBINVD, 0) },
            first: "write-back wbinvd 0x2000000"),
        .init(
            what: "WBNOINVD", act: { cache_all($0.model, ACCESS_WBNOINVD, 0) },
            first: "write-back wbnoinvd 0x2000000"),
        .init(what: "INVD", act: { cache_all($0.model, ACCESS_INVD, 0) }, first: "lose invd 0x2000000"),
        .init(
            what: "CLFLUSH", act: { $0.access(ACCESS_CLFLUSH, base + 0x47) },
            first: "write-back clflush 0x2000040"),
        .init(what: "CLWB", act: { $0.access(ACCESS_CLWB, base) }, first: "write-back clwb 0x2000000"),
        .init(
            what: "a non-temporal store into it", act: { $0.access(ACCESS_NT_STORE, base + 0x80, bytes: 16) },
            first: "write-back nt-hit 0x2000080"),
        .init(
            what: "an uncacheable alias", act: { $0.read(base + 0x80, page: MEMORY_UC) },
            first: "write-back uc-hit 0x2000080"),
        .init(
            what: "MTRRs switched off",
            act: {
                cache_write_msr($0.model, UInt32(MSR_MTRR_DEF_TYPE), 0)
                $0.read(base)
            }, first: "write-back uc-hit 0x2000000"),
    ]

    @Test("Each leak breaks a frozen region and is named", arguments: controls)
    func leaks(_ control: Control) throws {
        let cache = try frozen(control.preset)
        control.act(cache)
        #expect(!cache_watch_holds(cache.model))
        #expect(cache.watch.violations >= 1)
        #expect(cache.watch.first.text == control.first)
        #expect(cache.watch.first_piece == cache_counters(cache.model).pieces)
    }

    @Test("A region larger than the cache is not all there, and replaces itself", arguments: presets)
    func tooLarge(name: String) throws {
        let preset = try #require(cache_preset_named(name)).pointee
        let cache = try #require(SimulatedCache(preset.geometry, vendor: preset.vendor))
        let usable = cache_usable_bytes(preset.geometry)
        freeze(cache, bytes: 2 * usable)
        #expect(cache.watch.not_modified == usable / 64)
        #expect(cache.watch.first_not_modified == Self.base)
        #expect(!cache_watch_holds(cache.model))
        cache.read(Self.base)
        #expect(cache.watch.first.rule == RULE_REPLACE_DIRTY)
        #expect(cache.watch.violations == 2)  // the victim and the fill
    }

    @Test(
        "Write-back lines elsewhere break it once they conflict in a set, not before",
        arguments: [CACHE_TRUE_LRU, CACHE_TREE_PLRU, CACHE_RANDOM])
    func conflict(replacement: cache_replacement) throws {
        let cache = try frozen("zen2-l2", share: 2, replacement: replacement)  // half of each set
        cache.setRange(2, base: 0x0800_0000, bytes: 0x0800_0000, type: MEMORY_WB)
        let stride: UInt64 = 64 * 1_024
        for way in 0..<UInt64(4) { cache.write(0x0800_0000 + way * stride) }
        #expect(cache_watch_holds(cache.model))
        for way in 4..<UInt64(40) { cache.write(0x0800_0000 + way * stride) }
        #expect(cache.watch.violations > 0)
        #expect(
            cache.watch.first.text
                == "write-back replace-dirty 0x\(String(cache.watch.first.address, radix: 16))")
        #expect((cache.watch.first.address &- Self.base) % stride == 0)
    }

    @Test("Another write-back range that streams through pushes it out")
    func streaming() throws {
        let cache = try frozen("skylake-sp-l2", share: 4)
        cache.setRange(2, base: 0x0800_0000, bytes: 0x0800_0000, type: MEMORY_WB)
        for line in 0..<UInt64(1 << 16) { cache.read(0x0800_0000 + line * 64) }
        #expect(cache.watch.violations == cache.watch.lines)
        #expect(cache.watch.first.rule == RULE_REPLACE_DIRTY)
    }

    @Test("CD = 1 on Intel without nested paging keeps it, even while another write-back range streams")
    func noFill() throws {
        let cache = try frozen("skylake-u-l2")
        cache.setRange(2, base: 0x0800_0000, bytes: 0x0800_0000, type: MEMORY_WB)
        cache.disableCache()
        for line in 0..<UInt64(1 << 14) {
            cache.read(0x0800_0000 + line * 64)
            cache.write(Self.base + line * 64 % cache.watch.bytes)
        }
        #expect(cache_watch_holds(cache.model))
        #expect(cache_rule_count(cache.model, RULE_INTEL_NO_FILL) == 1 << 14)
    }

    @Test("A line that was only read before the watch is armed is reported")
    func clean() throws {
        let cache = try frozen("skylake-u-l2")
        cache.access(ACCESS_CLWB, Self.base + 0x1000)
        #expect(cache_watch(cache.model, Self.base, cache.watch.bytes))
        #expect(cache.watch.not_modified == 1 && cache.watch.first_not_modified == Self.base + 0x1000)
        #expect(cache.watch.violations == 0)
        #expect(!cache_watch_holds(cache.model))
    }

    @Test("Movements one byte outside of the range are not reported")
    func edges() throws {
        let cache = try #require(SimulatedCache())
        cache.write(0x40)
        #expect(!cache_watch(cache.model, 0x40, 0))
        #expect(cache_watch(cache.model, 0x47, 2))
        #expect(cache.watch.base == 0x40 && cache.watch.lines == 1)
        cache.access(ACCESS_READ, 0x38, bytes: 8, page: MEMORY_UC)
        cache.access(ACCESS_READ, 0x80, bytes: 8, page: MEMORY_UC)
        #expect(cache_watch_holds(cache.model))
        cache.access(ACCESS_READ, 0x39, bytes: 8, page: MEMORY_UC)
        #expect(cache.watch.first.text == "write-back uc-hit 0x40" && cache.watch.violations == 2)
    }
}
