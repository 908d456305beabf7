import Foundation
package import FrostFormat
package import FrostImage
package import FrostMachine
import FrostSupport
import Glibc

/// A run whose accesses Bochs's debugger records, for a ``DebuggerVerdict``.
package struct DebuggerRun {
    package var image: BootImage
    package var options: RunOptions
    package var windows = AccessWindows()
    package var canaries: [Canary] = []

    package init(_ image: BootImage, options: RunOptions) {
        (self.image, self.options) = (image, options)
    }

    /// Runs the image, and writes all that a judge needs into `options.record`. Nobody else may read those files: they
    /// hold plaintext and keys.
    /// - Throws: ``Platform/Failure``, ``CacheRun/Failure``, or as ``Toolchain/symbolFile(of:)`` and ``Run``.
    package func record(with toolchain: Toolchain) throws -> RunResult {
        guard let folder = options.record.map({ RunFolder($0) }) else { throw CacheRun.Failure.noFolder }
        let mask = umask(0o077)
        defer { umask(mask) }
        // Until the record is whole: another run would take away what this one left.
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        let symbols = try toolchain.symbolFile(of: image)
        var options = options
        options.platform = .bochs
        (options.windows, options.symbols) = (windows, try SymbolTable(reading: symbols))
        let result = try Run(image, options: options).boot(in: folder)
        let inputs = try RecordInputs(
            of: result, image: image, symbols: symbols, canaries: canaries, into: folder)
        try Data(JSON.text(inputs).utf8).write(to: folder.debuggerInputs)
        return result
    }
}
