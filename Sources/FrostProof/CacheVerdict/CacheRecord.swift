package import Foundation
import FrostCore
package import FrostFormat
package import FrostImage
package import FrostSupport
import Glibc

/// A run that was recorded with the residency plugin: everything to judge it, now or later.
package struct CacheRecord {
    package let folder: RunFolder
    package private(set) var inputs: RecordInputs
    package let log: ResidencyLog
    package let image: BootImage
    /// No run replaces the files as long as they are read.
    private let lock: FolderLock

    /// - Parameter canaries: beside those that the record names.
    /// - Throws: ``Failure``, ``ResidencyLog/Failure`` or ``BootImage/Failure`` when a file is missing or damaged,
    ///   ``FolderLock/Failure/inUse(_:)`` while a run writes it.
    package init(reading folder: URL, adding canaries: [Canary] = []) throws {
        self.folder = RunFolder(folder)
        lock = try FolderLock(folder, for: .reading)
        guard FileManager.default.fileExists(atPath: self.folder.proof.plainPath) else {
            throw Failure.noProof(folder.plainPath)
        }
        (inputs, image) = try Self.read(self.folder.proof, in: self.folder, adding: canaries)
        log = try ResidencyLog(reading: self.folder.residencyLog)
    }

    /// What any record has: its inputs, and the image whose hash they hold.
    static func read(
        _ file: URL, in folder: RunFolder, adding canaries: [Canary]
    ) throws -> (inputs: RecordInputs, image: BootImage) {
        guard let data = try? Data(contentsOf: file) else { throw Failure.missing(file.plainPath) }
        guard var inputs = try? JSON.decode(RecordInputs.self, from: data) else {
            throw Failure.damaged(file.plainPath)
        }
        inputs.canaries += canaries
        try check(folder.image, hash: inputs.imageHash)
        try check(folder.symbols, hash: inputs.symbolsHash)
        return (inputs, try BootImage(reading: folder.image))
    }

    private static func check(_ file: URL, hash: String) throws(Failure) {
        guard let found = try? RecordInputs.hash(of: file) else { throw .missing(file.plainPath) }
        guard found == hash else { throw .changed(file.plainPath) }
    }

    /// Writes the verdict beside what it was made of.
    package func keep(_ verdict: CacheVerdict) throws {
        try withPrivateFiles { try Data(JSON.text(verdict).utf8).write(to: folder.verdict) }
    }

    var devices: DeviceEvidence { DeviceEvidence(inputs, in: folder) }

    func replay() throws(Failure) -> DRAMReplay {
        let base = folder.dramBase
        guard FileManager.default.fileExists(atPath: base.plainPath) else { throw .missing(base.plainPath) }
        guard let replay = DRAMReplay(base, log: log) else { throw .otherSize(base.plainPath) }
        return replay
    }

    /// What DRAM held when the log of writes began, but at the homes that the image fills: the firmware's, the loader's, the
    /// hypervisor's file. There was no key yet, so none of it is a secret.
    ///
    /// - Returns: ranges of the file, ascending.
    package func foreign(in base: MappedFile) -> [Range<Int>] {
        let homes = image.runs.compactMap { run in
            let bytes = UInt32(run.pages) * UInt32(PAGE_BYTES)
            return log.fileOffset(run.home, bytes: bytes).map { $0..<$0 + Int(bytes) }
        }.sorted { $0.lowerBound < $1.lowerBound }
        return base.extents.flatMap { extent in
            var rest: [Range<Int>] = []
            var start = extent.lowerBound
            for home in homes where home.overlaps(extent) {
                if home.lowerBound > start { rest.append(start..<home.lowerBound) }
                start = max(start, home.upperBound)
            }
            return start < extent.upperBound ? rest + [start..<extent.upperBound] : rest
        }
    }

    package enum Failure: Explained, Equatable {
        case noProof(String)
        case missing(String)
        case damaged(String)
        case changed(String)
        case otherSize(String)

        package var exitCode: ExitCode {
            switch self {
            case .noProof, .missing: .noSuchFile
            case .damaged, .changed, .otherSize: .badInput
            }
        }

        package var description: String {
            switch self {
            case .noProof(let path):
                "\(path) is no record of frost verify: it has no proof.json. Make one with frost verify IMAGE --record DIR."
            case .missing(let path): "The record is incomplete: there is no \(path). Record the run again."
            case .damaged(let path): "\(path) cannot be understood. Record the run again."
            case .changed(let path):
                "\(path) is not the file that the run was recorded with. Put that back, or record the run again."
            case .otherSize(let path):
                "\(path) is not as large as the machine's RAM. Record the run again."
            }
        }
    }
}
