public import Foundation
import Glibc

/// A conversation with a running QEMU: one command, one answer.
///
/// - Shape: JSON objects, a line each, over a Unix socket.
/// - Source: QEMU, "QEMU Machine Protocol Specification".
public final class QMP {
    private let socket: Int32
    private var pending: [UInt8] = []
    private static let patience = timeval(tv_sec: 10, tv_usec: 0)

    /// Waits until QEMU has made its socket.
    /// - Throws: ``Failure``
    init(connecting path: String, patience: Duration = .seconds(10)) throws(Failure) {
        guard let socket = UnixSocket.connect(path, patience: patience) else { throw .noConnection }
        self.socket = socket
        var limit = Self.patience
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        _ = try message()
        try execute("qmp_capabilities")
    }

    deinit {
        close(socket)
    }

    /// Runs a command and returns its answer as JSON text.
    /// - Throws: ``Failure``
    @discardableResult
    public func execute(_ command: String, _ arguments: [String: any Sendable] = [:]) throws(Failure) -> Data
    {
        let object: [String: Any] = ["execute": command, "arguments": arguments]
        guard let data = try? JSONSerialization.data(withJSONObject: object) else {
            throw .refused(command, "")
        }
        guard send([UInt8](data) + [UInt8(ascii: "\n")]) else { throw .gone }
        while true {
            let message = try message()
            if let answer = message["return"] {
                return (try? JSONSerialization.data(withJSONObject: answer, options: .fragmentsAllowed))
                    ?? Data()
            }
            if let error = message["error"] as? [String: Any] {
                throw .refused(command, error["desc"] as? String ?? "no reason given")
            }
        }
    }

    /// A command of QEMU's human monitor, as `info registers`; its lines.
    public func monitor(_ command: String) throws(Failure) -> [String] {
        let answer = try execute("human-monitor-command", ["command-line": command])
        let text = (try? JSONDecoder().decode(String.self, from: answer)) ?? ""
        return text.split(whereSeparator: \.isNewline).map(String.init)
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            == bytes.count
    }

    /// The next message, whatever it is: events come between answers.
    private func message() throws(Failure) -> [String: Any] {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(pending[..<end])
                pending.removeFirst(end + 1)
                if let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] {
                    return object
                }
            } else {
                guard let bytes = Descriptor.read(socket), !bytes.isEmpty else { throw .gone }
                pending += bytes
            }
        }
    }

    public enum Failure: Explained, Equatable {
        case noConnection
        case gone
        case refused(String, String)

        public var exitCode: ExitCode { .machineDied }

        public var description: String {
            switch self {
            case .noConnection: "QEMU did not open its control socket. Its own words stand in machine.log."
            case .gone: "QEMU hung up on its control socket. Its own words stand in machine.log."
            case .refused(let command, let reason):
                "QEMU refused '\(command)': \(reason). Check QEMU's version."
            }
        }
    }
}
