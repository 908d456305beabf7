import CacheModel
package import Foundation
import FrostCore
package import FrostFormat
package import FrostHost
package import FrostSupport

/// The QEMU plugin that feeds the model of the cache and keeps the record; see `Sources/ResidencyPlugin`.
package struct ResidencyPlugin: Sendable {
    package var cache: CacheChoice
    /// Of random replacement.
    package var seed: UInt64
    /// A log that would grow beyond it is cut, and proves nothing.
    package var logLimit: ByteCount
    /// Keep which pages of this image the guest touches; nil: keep none.
    package var touchedImage: URL?
    /// Where the plugin looks for QEMU's flags of the CPU, in bytes; nil: where QEMU 7.2 has them. A wrong place can
    /// only make the verdict stricter.
    package var flagsOffset: Int?
    private let library: URL
    private let textBytes: UInt64
    /// Offsets in the region.
    private let pager, wipe: UInt64

    /// - Throws: ``PluginLibrary/Failure``, ``SymbolTable/Failure``
    package init(
        cache: CacheChoice, seed: UInt64 = 1, logLimit: ByteCount = 16 * .gibibyte, symbols: SymbolTable
    ) throws {
        (self.cache, self.seed, self.logLimit) = (cache, seed, logLimit)
        library = try PluginLibrary.residency.locate()
        textBytes = try symbols.address(SYMBOL_TEXT_END) - SymbolTable.hypervisorBase
        pager = try symbols.address(SYMBOL_PAGER) - SymbolTable.hypervisorBase
        wipe = try symbols.address(SYMBOL_WIPE) - SymbolTable.hypervisorBase
    }

    /// As QEMU takes it after -plugin.
    /// - Parameter shares: the guest may share pages with devices.
    func argument(record: URL, ramFile: URL, plan: MemoryPlan, shares: Bool) -> String {
        let geometry = cache.geometry
        let shape = [
            UInt64(geometry.sets), UInt64(geometry.ways), UInt64(geometry.line_bytes),
            UInt64(geometry.slices), UInt64(geometry.index.rawValue), UInt64(geometry.replacement.rawValue),
            UInt64(cache.vendor.rawValue),
        ].map { String($0) }.joined(separator: ":")
        let optional = [
            touchedImage.map { "touches-of=\(QEMU.quoted($0))" }, flagsOffset.map { "flags-offset=\($0)" },
        ].compactMap(\.self)
        let arguments = [
            "file=\(QEMU.quoted(library))",
            "record=\(QEMU.quoted(record))",
            "ram=\(QEMU.quoted(ramFile))",
            cache.preset.map { "preset=\($0)" } ?? "geometry=\(shape)",
            "seed=\(seed)",
            "ram-bytes=\(plan.ram.bytes)",
            "region=\(plan.frozenBase)",
            "region-bytes=\(plan.frozen.bytes)",
            "text-bytes=\(textBytes)",
            "linear=\(SymbolTable.hypervisorBase)",
            "pager=\(pager)",
            "wipe=\(wipe)",
            "log-limit=\(logLimit.bytes)",
            "shares=\(shares ? 1 : 0)",
        ]
        return (arguments + optional).joined(separator: ",")
    }
}
