import CacheModel
import FrostSupport

/// The caches that can be named: `frost verify --list-presets`.
package struct PresetList: Codable, Sendable {
    package struct Preset: Codable, Sendable {
        package var name: String
        package var cpu: String
        package var nominalBytes: UInt64
        /// What a frozen region may count on.
        package var usableBytes: UInt64
        package var source: String
    }

    package let presets: [Preset]

    package init() {
        presets = CacheChoice.presets.map { preset in
            Preset(
                name: String(cString: preset.name), cpu: String(cString: preset.cpu),
                nominalBytes: cache_nominal_bytes(preset.geometry),
                usableBytes: cache_usable_bytes(preset.geometry), source: String(cString: preset.source))
        }
    }
}

extension PresetList: CustomStringConvertible {
    package var description: String {
        TextTable(
            ["preset", "region up to", "cache"],
            presets.map { [$0.name, "\(ByteCount($0.usableBytes))", $0.cpu] }
        ).description
    }
}
