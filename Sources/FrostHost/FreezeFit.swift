import CacheModel
package import FrostFormat
import FrostSupport

/// What a freeze strategy could do on the host's own CPU, by what the host says of its caches.
package struct FreezeFit: Codable, Sendable, Equatable {
    /// A cache as a place for the frozen region.
    package struct Place: Codable, Sendable, Equatable {
        package var cache: String
        /// What a region may count on; 0: nothing.
        package var regionBytes: UInt64
        /// Presets of `frost verify` that have this shape.
        package var presets: [String]
        /// How to give this shape to `frost verify`; nil: the model cannot have it.
        package var option: String?
        package var note: String?
    }

    package struct Strategy: Codable, Sendable, Equatable {
        package var strategy: FreezeStrategy
        package var isBuilt: Bool
        package var isFitting: Bool
        package var reason: String
    }

    package var places: [Place]
    package var strategies: [Strategy]
    /// Presets of this vendor, whatever this CPU has.
    package var vendorPresets: [String]

    init(_ cpu: CPUFacts, _ caches: [CacheFacts], flags: Set<String>) {
        let vendor = cpu.cacheVendor
        places = caches.filter { $0.level >= 2 && $0.kind == "unified" }.map { Place($0, vendor: vendor) }
        vendorPresets = CacheChoice.names.filter {
            (try? CacheChoice(preset: $0))?.vendor == vendor?.number
        }
        let best = places.max { $0.regionBytes < $1.regionBytes }
        let allocation = ["cat_l2", "cat_l3"].filter { flags.contains($0) }
        strategies = FreezeStrategy.allCases.map { strategy in
            switch strategy {
            case .fit: Self.fit(best)
            case .nofill: Self.noFill(vendor)
            case .waylock: Self.wayLock(allocation)
            case .window: .init(.window, true, "runs anywhere: nothing is frozen, and it leaks by design")
            }
        }
    }

    private static func fit(_ best: Place?) -> Strategy {
        guard let best, best.regionBytes > 0 else {
            return .init(.fit, false, "no cache is known whose sets an address tells")
        }
        return .init(.fit, true, "a region of up to \(ByteCount(best.regionBytes)), in \(best.cache)")
    }

    private static func noFill(_ vendor: CacheChoice.Vendor?) -> Strategy {
        switch vendor {
        case .intel: .init(.nofill, false, "CR0.CD makes all of a guest under EPT uncacheable")
        case .amd: .init(.nofill, false, "under CR0.CD a hit writes the line back to DRAM")
        case nil: .init(.nofill, false, "nothing is known of this vendor's CR0.CD")
        }
    }

    private static func wayLock(_ flags: [String]) -> Strategy {
        flags.isEmpty
            ? .init(.waylock, false, "the CPU shows no allocation of ways (flags cat_l2, cat_l3)")
            : .init(.waylock, true, "the CPU allocates ways: \(flags.joined(separator: ", "))")
    }
}

extension FreezeFit.Strategy {
    fileprivate init(_ strategy: FreezeStrategy, _ isFitting: Bool, _ reason: String) {
        (self.strategy, self.isFitting, self.reason) = (strategy, isFitting, reason)
        isBuilt = strategy.isAvailable
    }
}

extension FreezeFit.Place {
    /// - Source: docs/design/cache-model.md, "Hashed slices".
    init(_ facts: CacheFacts, vendor: CacheChoice.Vendor?) {
        cache = "L\(facts.level)"
        (regionBytes, presets, option) = (0, [], nil)
        let shape = "\(ByteCount(facts.bytes)):\(facts.ways):\(facts.lineBytes)"
        guard let vendor else {
            note = "the model knows no rules of this vendor"
            return
        }
        let same = CacheChoice.presets.filter { preset in
            let geometry = preset.geometry
            return preset.vendor == vendor.number && Int(geometry.line_bytes) == facts.lineBytes
                && Int(geometry.ways) == facts.ways && cache_nominal_bytes(geometry) == facts.bytes
        }
        presets = same.map { String(cString: $0.name) }
        if let usable = same.map({ cache_usable_bytes($0.geometry) }).max() {
            (regionBytes, option) = (usable, "--preset \(presets[0])")
        } else if vendor == .intel && facts.level > 2 {
            note = "Intel spreads it over slices by an undocumented hash: an address does not tell its set"
        } else if let (choice, words) = Self.model(shape, vendor) {
            (regionBytes, option) = (choice.usableBytes, words)
        } else {
            note = "\(shape) is no shape that the model has"
        }
    }

    /// Tree-PLRU wants a number of ways that is a power of two.
    private static func model(_ shape: String, _ vendor: CacheChoice.Vendor) -> (CacheChoice, String)? {
        let words = "--cache \(shape) --vendor \(vendor.rawValue)"
        if let choice = try? CacheChoice(shape: shape, vendor: vendor) { return (choice, words) }
        let lru = try? CacheChoice(shape: shape, vendor: vendor, replacement: .lru)
        return lru.map { ($0, words + " --replacement lru") }
    }
}
