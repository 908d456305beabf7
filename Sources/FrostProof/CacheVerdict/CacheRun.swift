import Foundation
package import FrostFormat
package import FrostHost
package import FrostImage
package import FrostMachine
package import FrostSupport
import Glibc

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
    /// - Throws: ``Platform/Failure``, ``Failure``, or as ``Toolchain/symbolFile(of:)`` and ``Run``.
    package func record(with toolchain: Toolchain) throws -> RunResult {
        try options.platform.require(.cacheModel, connect: options.connect)
        guard let folder = options.record.map({ RunFolder($0) }) else { throw Failure.noFolder }
        let mask = umask(0o077)
        defer { umask(mask) }
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        let symbols = try toolchain.symbolFile(of: image)
        var options = options
        options.residency = try ResidencyPlugin(
            cache: cache, seed: seed, logLimit: logLimit, symbols: SymbolTable(reading: symbols))
        options.residency?.touchedImage = keepsTouches ? image.file : nil
        options.residency?.flagsOffset = flagsOffset
        let result = try Run(image, options: options).boot(in: folder)
        guard FileManager.default.fileExists(atPath: folder.residencyLog.plainPath) else {
            throw Failure.noLog(result.warnings.joined(separator: " "))
        }
        let inputs = try RecordInputs(
            of: result, image: image, symbols: symbols, canaries: canaries, into: folder)
        try Data(JSON.text(inputs).utf8).write(to: folder.proof)
        return result
    }

    package enum Failure: Explained, Equatable {
        case noFolder
        case noLog(String)

        package var exitCode: ExitCode {
            switch self {
            case .noFolder: .ourBug
            case .noLog: .notProvable
            }
        }

        package var description: String {
            switch self {
            case .noFolder: "A proof needs a folder to record in. Give --record DIR."
            case .noLog(let words):
                "Not provable here: QEMU did not load the residency plugin, or it gave up at once. \(words)"
            }
        }
    }
}
