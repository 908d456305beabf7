import Foundation
package import FrostFormat
package import FrostHost
package import FrostImage
package import FrostMachine
package import FrostSupport

/// A run under the model of the cache, recorded for a ``CacheVerdict``.
package struct CacheRun {
    package var image: BootImage
    package var options: RunOptions
    package var cache: CacheChoice
    package var seed: UInt64 = 1
    package var logLimit: ByteCount = 16 * .gibibyte
    package var canaries: [Canary] = []
    /// Keep which pages the guest touches, for a replay.
    package var keepsTouches = false
    /// See ``ResidencyPlugin``: for tests that point it to the wrong place.
    var flagsOffset: Int?

    package init(_ image: BootImage, options: RunOptions, cache: CacheChoice) {
        (self.image, self.options, self.cache) = (image, options, cache)
    }

    /// Runs the image, and writes all that a judge needs into `options.record`. Nobody else may read those files: they
    /// hold plaintext and keys.
    /// - Throws: ``Platform/Failure``, ``Failure``, or as ``Recording``.
    package func record(with toolchain: Toolchain) throws -> RunResult {
        try options.platform.require(.cacheModel, connect: options.connect)
        return try Recording(image: image, options: options, canaries: canaries).make(
            with: toolchain, inputs: \.proof
        ) { options, symbols in
            var plugin = try ResidencyPlugin(cache: cache, seed: seed, logLimit: logLimit, symbols: symbols)
            plugin.touchedImage = keepsTouches ? image.file : nil
            plugin.flagsOffset = flagsOffset
            options.residency = plugin
        } check: { result, folder in
            guard FileManager.default.fileExists(atPath: folder.residencyLog.plainPath) else {
                throw Failure.noLog(result.warnings.joined(separator: " "))
            }
        }
    }

    package enum Failure: Explained, Equatable {
        case noLog(String)

        package var exitCode: ExitCode { .notProvable }

        package var description: String {
            switch self {
            case .noLog(let words):
                "Not provable here: QEMU did not load the residency plugin, or it gave up at once. \(words)"
            }
        }
    }
}
