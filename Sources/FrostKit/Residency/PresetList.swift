import CacheModel

/// The caches that can be named: `frost verify --list-presets`.
public struct PresetList: Codable, Sendable {
    public struct Preset: Codable, Sendable {
        public var name: String
        public var cpu: String
        public var nominalBytes: UInt64
        /// What a frozen region may count on.
        public var usableBytes: UInt64
        public var source: String
    }

    public let presets: [Preset]

    public init() {
        presets = CacheChoice.presets.map { preset in
            Preset(
                name: String(cString: preset.name), cpu: String(cString: preset.cpu),
                nominalBytes: cache_nominal_bytes(preset.geometry),
                usableBytes: cache_usable_bytes(preset.geometry), source: String(cString: preset.source))
        }
    }
}

extension PresetList: CustomStringConvertible {
    public var description: String {
        TextTable(
            ["preset", "region up to", "cache"],
            presets.map { [$0.name, "\(ByteCount($0.usableBytes))", $0.cpu] }
        ).description
    }
}
