import Foundation
import FrostFormat
import FrostSupport
import Glibc

/// A cell with the image that it boots.
struct SweepJob {
    let named: NamedCell
    let definition: String
    let image: URL
}

/// What came of starting a cell once.
enum SweepAttempt {
    case finished(SweepResult)
    /// This host cannot run it, and why.
    case skipped(String)
    /// It could not be run, and starting it again would not help.
    case broken(String)
    /// The place failed, not the cell.
    case placeFailed(String)
}

/// A cell that is running.
protocol SweepRun {
    /// nil: it still runs. Must not be called again once it has answered.
    func poll() -> SweepAttempt?
    /// Asks it to end, or kills it.
    func end(killing: Bool)
}

/// A cell as somebody would run it by hand: `frost run`, or `frost verify`, in a process of its own. So a fault in one
/// takes no other with it, and libvirt's embedded hosts have a process each, as they must.
final class SweepProcess: SweepRun {
    private let job: SweepJob
    private let place: SweepPlace
    private let folder: SweepFolder
    private let child: ChildProcess
    private let arguments: [String]

    /// - Throws: ``ChildProcess/Failure``, ``SweepFolder/Failure``
    init(_ job: SweepJob, at place: SweepPlace, in folder: SweepFolder, frost: URL, lock: SweepLock) throws {
        (self.job, self.place, self.folder) = (job, place, folder)
        let cell = folder.cell(job.named.name)
        unlink(folder.result(job.named.name).plainPath)
        try? FileManager.default.removeItem(at: cell)
        do {
            try FileManager.default.createDirectory(at: cell, withIntermediateDirectories: true)
        } catch {
            throw SweepFolder.Failure.cannotWrite(cell.plainPath)
        }
        arguments = job.named.cell.arguments(image: job.image, record: cell, connect: place.uri)
        var (program, words) = (frost, arguments)
        if let setpriv = try? Tool.setpriv.locate() {
            // A signal that ends us ends the machines, too, and in order.
            (program, words) = (setpriv, ["--pdeathsig", "TERM", frost.plainPath] + arguments)
        }
        child = try ChildProcess(
            program, words, output: .none, error: .file(folder.log(job.named.name)), inherits: lock.descriptor
        )
    }

    func end(killing: Bool) {
        child.send(killing ? SIGKILL : SIGTERM)
    }

    func poll() -> SweepAttempt? {
        guard let end = child.end(waiting: false) else { return nil }
        let name = job.named.name
        let run = RunFolder(folder.cell(name))
        defer { run.removeEvidence() }
        guard !end.wasSignalled else {
            return .placeFailed("frost was killed by signal \(end.status)")
        }
        guard var result = SweepResult(job.named, definition: job.definition, reading: run) else {
            let words = lastLine()
            return switch ExitCode(rawValue: end.status) {
            case .notProvable: .skipped(words)
            case .usage, .badInput, .noSuchFile: .broken(words)
            case _ where place.uri != nil: .placeFailed(words)
            case .unavailable: .skipped(words)
            default: .broken(words)
            }
        }
        if result.ending == .interrupted { return .placeFailed("it was interrupted") }
        if result.ending == .died && place.uri != nil { return .placeFailed(result.reason ?? "") }
        result.place = place.name
        result.folder = "cells/\(name)"
        result.command = (["frost"] + arguments).map(Self.quoted).joined(separator: " ")
        return .finished(result)
    }

    /// The last line that the cell's frost said.
    private func lastLine() -> String {
        let log = (try? String(contentsOf: folder.log(job.named.name), encoding: .utf8)) ?? ""
        let line = log.split(whereSeparator: \.isNewline).last.map(String.init) ?? "frost said nothing"
        return line.replacing("frost: error: ", with: "")
    }

    private static func quoted(_ word: String) -> String {
        let isPlain = word.allSatisfy {
            $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:,+=".contains($0))
        }
        return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
