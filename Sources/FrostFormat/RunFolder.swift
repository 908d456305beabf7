package import Foundation
package import FrostSupport

/// One run's files; the only speller of their names.
package struct RunFolder: Sendable {
    package let folder: URL

    package init(_ folder: URL) {
        self.folder = folder
    }

    /// What was run, how, and how it ended.
    package var report: URL { folder.appending(path: "run.json") }
    /// Everything that came over the guest's serial line.
    package var console: URL { folder.appending(path: "console.txt") }
    /// Everything that came over the hypervisor's serial line.
    package var trace: URL { folder.appending(path: "trace.bin") }
    /// The hypervisor's functions, and how many instructions of each every exit took.
    package var functions: URL { folder.appending(path: "functions.txt") }
    package var instructions: URL { folder.appending(path: "instructions.bin") }
    /// The emulator's own messages.
    package var machineLog: URL { folder.appending(path: "machine.log") }
    /// The machine's physical memory.
    package var ram: URL { folder.appending(path: "ram.bin") }
    /// What libvirt was told.
    package var domain: URL { folder.appending(path: "domain.xml") }
    /// What Bochs was told.
    package var bochsSettings: URL { folder.appending(path: "bochsrc") }
    package var bochsScript: URL { folder.appending(path: "bochs.debugger") }
    /// What Bochs's debugger said, traced accesses among it.
    package var accessTrace: URL { folder.appending(path: "accesses.txt") }
    /// What was recorded under Bochs to be judged, beside these files.
    package var debuggerInputs: URL { folder.appending(path: "debugger.json") }
    /// A link to the image, while Bochs runs; and what would be its changes.
    package var disk: URL { folder.appending(path: "disk.img") }
    package var diskJournal: URL { folder.appending(path: "disk.journal") }

    // Of a run that was recorded with the residency plugin; it has the names of its own four from
    // residency_record.h.

    /// What the plugin logged.
    package var residencyLog: URL { folder.appending(path: "residency.log") }
    /// DRAM as it was when the log of writes begins.
    package var dramBase: URL { folder.appending(path: "dram-base.bin") }
    /// DRAM as it was at the end.
    package var dramFinal: URL { folder.appending(path: "dram-final.bin") }
    /// The frozen region when the hypervisor began its ending: plaintext and keys.
    package var regionEnd: URL { folder.appending(path: "region-end.bin") }
    /// Which pages the guest touched.
    package var touches: URL { folder.appending(path: "touches.bin") }
    /// A copy of the image that was run.
    package var image: URL { folder.appending(path: "image.img") }
    /// The hypervisor with symbols.
    package var symbols: URL { folder.appending(path: "frostvisor.elf") }
    /// What was recorded, beside these files.
    package var proof: URL { folder.appending(path: "proof.json") }
    /// The verdict on it.
    package var verdict: URL { folder.appending(path: "verdict.json") }

    // What else may be made of a run afterwards.

    /// Its misses in regions of other sizes, under other policies.
    package var replay: URL { folder.appending(path: "replay.json") }

    /// What a verdict was reached by: large, and full of plaintext and keys.
    private var evidence: [URL] {
        [residencyLog, dramBase, dramFinal, regionEnd, accessTrace, image, symbols, proof, debuggerInputs]
    }

    private var all: [URL] {
        [
            report, console, trace, functions, instructions, machineLog, ram, domain, bochsSettings,
            bochsScript, disk, diskJournal, verdict, touches, replay,
        ] + evidence
    }

    /// Leaves the verdict, which then cannot be reached again.
    package func removeEvidence() {
        evidence.forEach { try? FileManager.default.removeItem(at: $0) }
    }

    /// Makes the folder; nobody else writes into it as long as the lock lives.
    /// - Throws: ``Failure/cannotWrite(_:)``, ``FolderLock/Failure``
    package func lock() throws -> FolderLock {
        do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
            throw Failure.cannotWrite(folder.plainPath)
        }
        return try FolderLock(folder, for: .writing)
    }

    /// Takes away what an earlier run left in the folder; never the image that is to be run.
    /// - Throws: ``Failure``
    package func prepare(for image: URL) throws(Failure) {
        let files = FileManager.default
        // A link that a killed run left would resolve to the image itself.
        let own = all.filter { $0 != disk || !isLink(disk) }.map { $0.resolvingSymlinksInPath().plainPath }
        guard !own.contains(image.resolvingSymlinksInPath().plainPath) else {
            throw .holdsImage(image.plainPath)
        }
        do {
            for file in all where files.fileExists(atPath: file.plainPath) || isLink(file) {
                try files.removeItem(at: file)
            }
            try Data().write(to: console)
            try Data().write(to: trace)
        } catch {
            throw .cannotWrite(folder.plainPath)
        }
    }

    private func isLink(_ file: URL) -> Bool {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: file.plainPath)) != nil
    }

    package enum Failure: Explained, Equatable {
        case cannotWrite(String)
        case holdsImage(String)

        package var exitCode: ExitCode {
            switch self {
            case .cannotWrite: .cannotWrite
            case .holdsImage: .usage
            }
        }

        package var description: String {
            switch self {
            case .cannotWrite(let path):
                "The run's folder \(path) cannot be written. Choose another place with --record."
            case .holdsImage(let path):
                "The run's record would replace the image \(path). Choose another place with --record."
            }
        }
    }
}
