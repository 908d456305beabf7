package import CacheModel
package import FrostSupport

/// The cache that a run is judged under: a preset, or a geometry of one's own.
package struct CacheChoice: Sendable, Equatable {
    /// Nil for a free geometry.
    package let preset: String?
    package let geometry: cache_geometry
    package let vendor: cache_vendor

    package enum Vendor: String, Sendable, CaseIterable {
        case amd
        case intel

        var number: cache_vendor { self == .amd ? CACHE_AMD : CACHE_INTEL }
    }

    package enum Replacement: String, Sendable, CaseIterable {
        case lru
        case treePLRU = "tree-plru"
        case random

        var number: cache_replacement {
            switch self {
            case .lru: CACHE_TRUE_LRU
            case .treePLRU: CACHE_TREE_PLRU
            case .random: CACHE_RANDOM
            }
        }
    }

    /// - Throws: ``Failure/unknownPreset(_:)``
    package init(preset name: String, replacement: Replacement? = nil) throws(Failure) {
        guard let preset = cache_preset_named(name)?.pointee else { throw .unknownPreset(name) }
        var geometry = preset.geometry
        if let replacement { geometry.replacement = replacement.number }
        // With another replacement it is no longer what the name stands for.
        let isPreset = geometry.replacement == preset.geometry.replacement
        (self.preset, self.geometry, vendor) = (isPreset ? name : nil, geometry, preset.vendor)
    }

    /// - Parameter shape: SIZE:WAYS:LINE, such as 4MiB:16:64.
    /// - Throws: ``Failure/badShape(_:)``
    package init(
        shape: String, vendor: Vendor = .amd, replacement: Replacement = .treePLRU
    ) throws(Failure) {
        let parts = shape.split(separator: ":").map(String.init)
        guard parts.count == 3, let size = try? ByteCount(parsing: parts[0]), let ways = UInt32(parts[1]),
            let line = UInt32(parts[2]), ways > 0, line > 0
        else { throw .badShape(shape) }
        let setBytes = UInt64(ways) * UInt64(line)
        let sets = size.bytes / setBytes
        guard sets * setBytes == size.bytes, sets > 0, sets <= UInt32.max else { throw .badShape(shape) }
        geometry = cache_geometry(
            line_bytes: line, sets: UInt32(sets), ways: ways, slices: 1, index: CACHE_INDEX_PLAIN,
            replacement: replacement.number)
        guard cache_geometry_valid(geometry) else { throw .badShape(shape) }
        (preset, self.vendor) = (nil, vendor.number)
    }

    /// The smallest preset that a region of this size fits, of the given vendor if there is one.
    /// - Throws: ``Failure/noPreset(_:)``
    package static func smallest(for region: ByteCount, vendor: Vendor) throws(Failure) -> CacheChoice {
        let fitting = names.compactMap { try? CacheChoice(preset: $0) }
            .filter { $0.usableBytes >= region.bytes }
        let own = fitting.filter { $0.vendor == vendor.number }
        guard let best = (own.isEmpty ? fitting : own).min(by: { $0.usableBytes < $1.usableBytes }) else {
            throw .noPreset(region)
        }
        return best
    }

    package var usableBytes: UInt64 { cache_usable_bytes(geometry) }

    /// - Throws: ``Failure/regionTooLarge(_:usable:)``
    package func check(region: ByteCount) throws(Failure) {
        guard region.bytes <= usableBytes else {
            throw .regionTooLarge(region, usable: ByteCount(usableBytes))
        }
    }

    package static func name(_ replacement: cache_replacement) -> String {
        Replacement.allCases.first { $0.number == replacement }?.rawValue ?? "unknown replacement"
    }

    static var presets: [cache_preset] {
        (0..<cache_preset_count).compactMap { cache_preset_at($0)?.pointee }
    }

    package static var names: [String] { presets.map { String(cString: $0.name) } }

    package static func == (left: CacheChoice, right: CacheChoice) -> Bool {
        left.preset == right.preset && left.vendor == right.vendor && left.geometry.isSame(as: right.geometry)
    }

    package enum Failure: Explained, Equatable {
        case unknownPreset(String)
        case badShape(String)
        case noPreset(ByteCount)
        case regionTooLarge(ByteCount, usable: ByteCount)

        package var exitCode: ExitCode {
            switch self {
            case .unknownPreset, .badShape: .usage
            case .noPreset, .regionTooLarge: .notProvable
            }
        }

        package var description: String {
            switch self {
            case .unknownPreset(let name):
                "There is no preset '\(name)'. Known: \(CacheChoice.names.joined(separator: ", "))."
            case .badShape(let shape):
                """
                '\(shape)' is no cache. Give SIZE:WAYS:LINE such as 4MiB:16:64, where the number of sets is a \
                power of two.
                """
            case .noPreset(let region):
                """
                Not provable here: no preset holds a frozen region of \(region). Name the cache that you mean, such \
                as --cache 64MiB:16:64, or freeze less.
                """
            case .regionTooLarge(let region, let usable):
                """
                Not provable here: the frozen region of \(region) is larger than the \(usable) that a region may \
                count on in this cache. Choose a larger cache, freeze less, or see the leak with --force.
                """
            }
        }
    }
}

extension CacheChoice: CustomStringConvertible {
    package var description: String {
        let ways = "\(geometry.ways) ways, \(geometry.line_bytes) bytes a line"
        return "\(preset ?? "a cache of one's own") (\(ByteCount(cache_nominal_bytes(geometry))), \(ways))"
    }
}

extension cache_geometry {
    package func isSame(as other: cache_geometry) -> Bool {
        (line_bytes, sets, ways, slices) == (other.line_bytes, other.sets, other.ways, other.slices)
            && index == other.index && replacement == other.replacement
    }
}
