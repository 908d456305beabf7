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

extension RecordInputs {
    /// Copies the image and the hypervisor's file with symbols into the record.
    init(
        of result: RunResult, image: BootImage, symbols: URL, canaries: [Canary], into folder: RunFolder
    ) throws {
        try FileManager.default.copyItem(at: image.file, to: folder.image)
        try FileManager.default.copyItem(at: symbols, to: folder.symbols)
        for file in [folder.image, folder.symbols] { chmod(file.plainPath, 0o600) }
        let isAsAsked = result.exitCode == .asAsked
        self.init(
            imageHash: try CacheRecord.hash(of: folder.image),
            symbolsHash: try CacheRecord.hash(of: folder.symbols), canaries: canaries,
            ending: result.ending.kind, end: result.ending.description, hasEndedAsAsked: isAsAsked,
            unmet: isAsAsked ? [] : result.unmet + result.warnings,
            commandLine: result.commandLine)
    }
}
