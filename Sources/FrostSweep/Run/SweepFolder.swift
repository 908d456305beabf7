package import Foundation
package import FrostSupport
import Glibc

/// A sweep's files; the only speller of their names.
///
/// - Shape: `cells/NAME/` is a run's folder with `cell.json`, which is written last: a cell without it is not
///   finished. `images/HASH.img` are the images.
package struct SweepFolder: Sendable {
    package let folder: URL

    package init(_ folder: URL) {
        self.folder = folder
    }

    package var report: URL { folder.appending(path: "sweep.json") }
    package var junit: URL { folder.appending(path: "junit.xml") }
    var lock: URL { folder.appending(path: "sweep.lock") }
    package var cells: URL { folder.appending(path: "cells", directoryHint: .isDirectory) }
    var images: URL { folder.appending(path: "images", directoryHint: .isDirectory) }

    package func cell(_ name: String) -> URL { cells.appending(path: name, directoryHint: .isDirectory) }
    func result(_ name: String) -> URL { cell(name).appending(path: "cell.json") }
    /// What the cell's frost said.
    func log(_ name: String) -> URL { cell(name).appending(path: "frost.log") }
    func image(_ hash: String) -> URL { images.appending(path: "\(hash.prefix(16)).img") }

    /// Makes the folder, unless it holds something else.
    /// - Throws: ``Failure``
    func prepare() throws(Failure) {
        let files = FileManager.default
        let names = (try? files.contentsOfDirectory(atPath: folder.plainPath)) ?? []
        guard names.isEmpty || names.contains(lock.lastPathComponent) else {
            throw .foreign(folder.plainPath)
        }
        do {
            for folder in [cells, images] {
                try files.createDirectory(at: folder, withIntermediateDirectories: true)
            }
        } catch {
            throw .cannotWrite(folder.plainPath)
        }
    }

    /// The finished cells, by definition.
    package func finished() -> [String: SweepResult] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: cells.plainPath)) ?? []
        var results: [String: SweepResult] = [:]
        for name in names {
            guard let text = try? Data(contentsOf: result(name)),
                var result = try? JSON.decode(SweepResult.self, from: text)
            else { continue }
            result.name = name
            results[result.definition] = result
        }
        return results
    }

    /// Gives a finished cell its name of now: the file may vary more, or less, than it did.
    func rename(_ result: SweepResult, to name: String) throws(Failure) {
        guard result.name != name else { return }
        unlink(self.result(name).plainPath)
        try? FileManager.default.removeItem(at: cell(name))
        guard Glibc.rename(cell(result.name).plainPath, cell(name).plainPath) == 0 else {
            throw .cannotWrite(cell(name).plainPath)
        }
    }

    /// From here on the cell is finished, whatever happens to us or to the machine.
    func commit(_ result: SweepResult) throws(Failure) {
        try write(result, to: self.result(result.name))
    }

    /// Whole or not at all, and on the disk.
    func write(_ value: some Encodable, to file: URL) throws(Failure) {
        guard let text = try? JSON.text(value) else { throw .cannotWrite(file.plainPath) }
        try write([UInt8]((text + "\n").utf8), to: file)
    }

    func write(_ bytes: [UInt8], to file: URL) throws(Failure) {
        let draft = file.plainPath + ".draft"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .cannotWrite(file.plainPath) }
        let isWritten = Descriptor.write(bytes, to: descriptor) && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, Glibc.rename(draft, file.plainPath) == 0 else { throw .cannotWrite(file.plainPath) }
        // A new name lasts once its folder does.
        let parent = open(file.deletingLastPathComponent().plainPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { return }
        fsync(parent)
        close(parent)
    }

    package enum Failure: Explained, Equatable {
        case foreign(String)
        case cannotWrite(String)
        case busy(String, process: Int32?)

        package var exitCode: ExitCode {
            switch self {
            case .foreign: .usage
            case .cannotWrite: .cannotWrite
            case .busy: .unavailable
            }
        }

        package var description: String {
            switch self {
            case .foreign(let path):
                "\(path) holds something else than a sweep. Choose an empty or a new folder with -o."
            case .cannotWrite(let path):
                "The sweep's file \(path) cannot be written. Check its permissions and free space."
            case .busy(let path, let process):
                """
                Another sweep\(process.map { " (process \($0))" } ?? "") works in \(path). Wait for it, or choose \
                another folder with -o.
                """
            }
        }
    }
}
