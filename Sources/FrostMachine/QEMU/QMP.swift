package import Foundation
package import FrostSupport

/// What carries a conversation with QEMU.
package protocol QMPLine: AnyObject {
    /// The message with QEMU's `return` or `error` for one command.
    func answer(to command: Data) throws(QMP.Failure) -> [String: Any]
}

/// A conversation with a running QEMU: one command, one answer.
///
/// - Source: QEMU, "QEMU Machine Protocol Specification".
package final class QMP {
    private let line: any QMPLine

    package init(over line: any QMPLine) {
        self.line = line
    }

    /// Runs a command and returns its answer as JSON text.
    /// - Throws: ``Failure``
    @discardableResult
    package func execute(_ command: String, _ arguments: [String: any Sendable] = [:]) throws(Failure) -> Data
    {
        let object: [String: Any] = ["execute": command, "arguments": arguments]
        guard let data = try? JSONSerialization.data(withJSONObject: object) else {
            throw .refused(command, "")
        }
        let message = try line.answer(to: data)
        if let error = message["error"] as? [String: Any] {
            throw .refused(command, error["desc"] as? String ?? "no reason given")
        }
        return message["return"].flatMap {
            try? JSONSerialization.data(withJSONObject: $0, options: .fragmentsAllowed)
        } ?? Data()
    }

    /// A command of QEMU's human monitor, as `info registers`; its lines.
    package func monitor(_ command: String) throws(Failure) -> [String] {
        let answer = try execute("human-monitor-command", ["command-line": command])
        let text = (try? JSON.decode(String.self, from: answer)) ?? ""
        return text.split(whereSeparator: \.isNewline).map(String.init)
    }

    package enum Failure: Explained, Equatable {
        case noConnection
        case gone
        case endless
        case refused(String, String)

        package var exitCode: ExitCode { .machineDied }

        package var description: String {
            switch self {
            case .noConnection: "QEMU did not open its control socket. Its own words stand in machine.log."
            case .endless:
                "What came over QEMU's control socket does not end: it is not QEMU that answers. Record the run again."
            case .gone: "QEMU hung up on its control socket. Its own words stand in machine.log."
            case .refused(let command, let reason):
                "QEMU refused '\(command)': \(reason). Check QEMU's version."
            }
        }
    }
}
