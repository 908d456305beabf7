import Foundation
import FrostSupport
import Glibc

/// QEMU's own control socket.
///
/// - Shape: JSON objects, a line each.
/// - Source: QEMU, "QEMU Machine Protocol Specification".
final class QMPSocket: QMPLine {
    private let socket: Int32
    private var messages = QMPMessages()
    private static let patience = timeval(tv_sec: 10, tv_usec: 0)

    /// Waits until QEMU has made its socket.
    init(connecting path: String, patience: Duration) throws(QMP.Failure) {
        guard let socket = UnixSocket.connect(path, patience: patience) else { throw .noConnection }
        self.socket = socket
        var limit = Self.patience
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        _ = try message()
    }

    deinit {
        close(socket)
    }

    func answer(to command: Data) throws(QMP.Failure) -> [String: Any] {
        guard send([UInt8](command) + [UInt8(ascii: "\n")]) else { throw .gone }
        while true {
            let message = try message()
            // Events come between answers.
            if message["return"] != nil || message["error"] != nil { return message }
        }
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            == bytes.count
    }

    private func message() throws(QMP.Failure) -> [String: Any] {
        while true {
            if let message = messages.next() { return message }
            guard let bytes = Descriptor.read(socket), !bytes.isEmpty else { throw .gone }
            try messages.feed(bytes)
        }
    }
}

extension QMP {
    /// Waits until QEMU has made its socket.
    /// - Throws: ``Failure``
    convenience init(connecting path: String, patience: Duration = .seconds(10)) throws(Failure) {
        self.init(over: try QMPSocket(connecting: path, patience: patience))
        try execute("qmp_capabilities")
    }
}
