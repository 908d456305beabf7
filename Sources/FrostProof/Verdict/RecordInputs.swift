package import Foundation
package import FrostFormat
package import FrostImage
package import FrostMachine
import FrostSupport
import Glibc

/// What a recorded run was: `proof.json`. With the files beside it, all that a verdict is made of.
package struct RecordInputs: Codable, Sendable, Equatable {
    /// SHA-256 of the image, in hexadecimal digits.
    package var imageHash: String
    /// Of the hypervisor's file with symbols.
    package var symbolsHash: String
    package var canaries: [Canary]
    package var ending: RunEnding.Kind
    /// In words.
    package var end: String
    package var hasEndedAsAsked: Bool
    package var unmet: [String]
    package var commandLine: String
    /// nil in a record of an older frost, which knew one.
    package var board: Board?
    /// The kernel that sealed and opened pages; nil when the hypervisor did not get so far.
    package var cipher: String?
    /// All that was seen in the IOMMU's registers once the guest ran; nil where there is none, or in a record of an older
    /// frost.
    package var iommu: Set<IOMMURegisters>?

    package init(
        imageHash: String, symbolsHash: String, canaries: [Canary], ending: RunEnding.Kind, end: String,
        hasEndedAsAsked: Bool, unmet: [String], commandLine: String, board: Board? = nil,
        cipher: String? = nil, iommu: Set<IOMMURegisters>? = nil
    ) {
        self.imageHash = imageHash
        self.symbolsHash = symbolsHash
        self.canaries = canaries
        self.ending = ending
        self.end = end
        self.hasEndedAsAsked = hasEndedAsAsked
        self.unmet = unmet
        self.commandLine = commandLine
        self.board = board
        self.cipher = cipher
        self.iommu = iommu
    }
}

extension RecordInputs {
    /// Copies the image and the hypervisor's file with symbols into the record.
    init(
        of result: RunResult, on board: Board, iommu: Set<IOMMURegisters>, image: BootImage, symbols: URL,
        canaries: [Canary],
        into folder: RunFolder
    ) throws {
        try FileManager.default.copyItem(at: image.file, to: folder.image)
        try FileManager.default.copyItem(at: symbols, to: folder.symbols)
        for file in [folder.image, folder.symbols] { chmod(file.plainPath, 0o600) }
        let isAsAsked = result.exitCode == .asAsked
        self.init(
            imageHash: try Self.hash(of: folder.image),
            symbolsHash: try Self.hash(of: folder.symbols), canaries: canaries,
            ending: result.ending.kind, end: result.ending.description, hasEndedAsAsked: isAsAsked,
            unmet: isAsAsked ? [] : result.unmet + result.warnings,
            commandLine: result.commandLine, board: board,
            cipher: result.trace.fact(.cipher).map { TraceFact.cipher.text(of: $0) },
            iommu: board.iommu == .none ? nil : iommu)
    }

    /// A sentence for every verdict.
    var cipherText: String { "Pages were sealed and opened by the kernel \(cipher ?? "of an unknown name")." }

    /// SHA-256, in hexadecimal digits.
    package static func hash(of file: URL) throws -> String {
        ContentHash.of([UInt8](try Data(contentsOf: file))).hexadecimal
    }
}
