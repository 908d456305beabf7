import CacheModel
import Testing

@Suite struct PresetTests {
    /// Name, bytes the silicon has, bytes a region may count on.
    static let sizes: [(String, UInt64, UInt64)] = [
        ("zen2-l2", 512 << 10, 512 << 10),
        ("zen4-l2", 1 << 20, 1 << 20),
        ("zen2-l3", 16 << 20, 16 << 20),
        ("zen3-l3", 32 << 20, 32 << 20),
        ("skylake-sp-l2", 1 << 20, 1 << 20),
        ("sapphire-rapids-l2", 2 << 20, 2 << 20),
        ("skylake-u-l2", 256 << 10, 256 << 10),
        ("skylake-l3", 8 << 20, 2 << 20),
        ("skylake-sp-l3", 28 * 1_408 << 10, 11 * 64),
    ]

    @Test("Every preset is valid and as large as its CPU's cache", arguments: sizes)
    func size(name: String, nominal: UInt64, usable: UInt64) throws {
        let preset = try #require(cache_preset_named(name)).pointee
        #expect(cache_geometry_valid(preset.geometry))
        #expect(cache_nominal_bytes(preset.geometry) == nominal)
        #expect(cache_usable_bytes(preset.geometry) == usable)
        #expect(!String(cString: preset.source).isEmpty)
        #expect(SimulatedCache(preset.geometry, vendor: preset.vendor) != nil)
    }

    @Test("No preset is left untested, and none has an unknown name")
    func complete() {
        #expect(cache_preset_count == Self.sizes.count)
        #expect(cache_preset_named("80486") == nil)
    }

    @Test("A region of the usable size stays, one line more does not", arguments: sizes.map(\.0))
    func capacity(name: String) throws {
        let preset = try #require(cache_preset_named(name)).pointee
        let usable = cache_usable_bytes(preset.geometry)
        for (bytes, fits) in [(usable, true), (usable + 64, false)] {
            let cache = try #require(SimulatedCache(preset.geometry, vendor: preset.vendor))
            for pass in 0..<3 {
                for address in stride(from: UInt64(1 << 30), to: 1 << 30 + bytes, by: 64) {
                    cache.write(address)
                }
                if pass == 0 { _ = cache.takeEvents() }
            }
            #expect(cache.events.isEmpty == fits)
        }
    }

    @Test("Shapes that no cache has are refused")
    func refused() {
        let good = SimulatedCache.tiny
        let changes: [(inout cache_geometry) -> Void] = [
            { $0.line_bytes = 48 }, { $0.line_bytes = 8 }, { $0.sets = 3 }, { $0.sets = 0 }, { $0.ways = 0 },
            { $0.ways = 65 }, { $0.slices = 0 }, { $0.slices = 2 },
            {
                $0.ways = 11
                $0.replacement = CACHE_TREE_PLRU
            },
        ]
        #expect(cache_geometry_valid(good))
        for change in changes {
            var geometry = good
            change(&geometry)
            #expect(!cache_geometry_valid(geometry))
            #expect(SimulatedCache(geometry) == nil)
        }
    }
}
