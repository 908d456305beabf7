import Foundation
import FrostFormat
import FrostImage
import FrostMachine
import FrostSupport

/// A run that is recorded for a verdict of either kind.
struct Recording {
    let image: BootImage
    let options: RunOptions
    let canaries: [Canary]

    /// Runs the image, and writes all that a judge needs into `options.record`, for its owner alone to read.
    ///
    /// - Parameters:
    ///   - file: where ``RecordInputs`` go.
    ///   - prepare: sets what watches the run.
    ///   - check: throws where it did not watch.
    /// - Throws: ``Failure``, or as ``Toolchain/symbolFile(of:)``, ``Run`` and the closures.
    func make(
        with toolchain: Toolchain, inputs file: KeyPath<RunFolder, URL>,
        prepare: (inout RunOptions, SymbolTable) throws -> Void,
        check: (RunResult, RunFolder) throws -> Void = { _, _ in }
    ) throws -> RunResult {
        guard let folder = options.record.map({ RunFolder($0) }) else { throw Failure.noFolder }
        return try withPrivateFiles {
            // Until the record is whole: another run would take away what this one left.
            let lock = try folder.lock()
            defer { withExtendedLifetime(lock) {} }
            let symbols = try toolchain.symbolFile(of: image)
            var options = options
            try prepare(&options, SymbolTable(reading: symbols))
            let iommu = IOMMUWatch(of: options)
            iommu.add(to: &options)
            let result = try Run(image, options: options).boot(in: folder)
            try check(result, folder)
            let inputs = try RecordInputs(
                of: result, on: options.board, iommu: iommu.seen, image: image, symbols: symbols,
                canaries: canaries,
                into: folder)
            try Data(JSON.text(inputs).utf8).write(to: folder[keyPath: file])
            return result
        }
    }

    enum Failure: Explained, Equatable {
        case noFolder

        var exitCode: ExitCode { .ourBug }

        var description: String { "A proof needs a folder to record in. Give --record DIR." }
    }
}
