package import Foundation
package import FrostFormat
package import FrostSupport
import Glibc

/// A TPM of the machine's, played by swtpm.
package struct SoftwareTPM: Sendable, Equatable, Codable {
    package let interface: TPMInterface
    /// Where it keeps what a TPM keeps without power; nil: nothing outlives the run.
    package let state: URL?

    package init(_ interface: TPMInterface, state: URL? = nil) {
        (self.interface, self.state) = (interface, state)
    }

    private var device: String {
        switch interface {
        case .fifo: "tpm-tis"
        case .crb: "tpm-crb"
        }
    }

    func arguments(socket: String) -> [String] {
        [
            "-chardev", "socket,id=tpm,path=\(QEMU.quoted(socket))", "-tpmdev",
            "emulator,id=tpm,chardev=tpm", "-device", "\(device),tpmdev=tpm",
        ]
    }

    package enum Failure: Explained, Equatable {
        case cannotStart(words: String)
        case noFolder(String)

        package var exitCode: ExitCode {
            switch self {
            case .cannotStart: .unavailable
            case .noFolder: .inputOutput
            }
        }

        package var description: String {
            switch self {
            case .cannotStart(let words):
                """
                The machine's TPM, swtpm, did not start: \(words). Check that no other run uses the same --tpm-state, and that \
                the folder is a TPM 2.0's.
                """
            case .noFolder(let path):
                "The folder \(path) for the TPM's state cannot be made. Name one that can be written with --tpm-state."
            }
        }
    }
}

/// swtpm while it runs. It ends with the machine, which has the only connection to it, and with us.
final class RunningTPM {
    /// For QEMU.
    let socket: String
    private let child: ChildProcess
    private let keeper: ScratchKeeper

    /// - Throws: ``SoftwareTPM/Failure``, ``Tool/Failure/missing(_:)``
    init(_ tpm: SoftwareTPM) throws {
        let scratch = RunJob.temporary("tpm")
        socket = scratch.appending(path: "socket").plainPath
        let log = scratch.appending(path: "log")
        let state = tpm.state ?? scratch.appending(path: "state")
        keeper = try ScratchKeeper([scratch])
        for folder in [scratch, state] {
            do {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            } catch {
                throw SoftwareTPM.Failure.noFolder(folder.plainPath)
            }
        }
        let (program, arguments) = try EmulatorCommand(
            program: .swtpm,
            arguments: [
                "socket", "--tpm2", "--tpmstate", "dir=\(state.plainPath)", "--ctrl",
                "type=unixio,path=\(socket)", "--terminate",
            ]
        ).bound()
        child = try ChildProcess(program, arguments, output: .file(log), error: .file(log))
        try waitForSocket(log)
    }

    private func waitForSocket(_ log: URL) throws {
        for _ in 0..<500 {
            if FileManager.default.fileExists(atPath: socket) { return }
            guard child.end(waiting: false) == nil else { break }
            usleep(20_000)
        }
        let words = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        throw SoftwareTPM.Failure.cannotStart(
            words: words.split(whereSeparator: \.isNewline).joined(separator: "; "))
    }

    deinit {
        child.send(SIGTERM)
        _ = child.end(waiting: true)
        keeper.clean()
    }
}
