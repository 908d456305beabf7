import FrostSupport
import Glibc

/// QEMU's test socket: reads and writes on the bus and at ports, beside the CPU.
///
/// - Source: QEMU, docs/devel/qtest.rst.
package final class BusSocket {
    private let socket: Int32
    private static let patience = Duration.seconds(10)

    /// - Throws: ``QMP/Failure/noConnection``
    init(connecting path: String) throws(QMP.Failure) {
        guard let socket = UnixSocket.connect(path, patience: Self.patience) else { throw .noConnection }
        self.socket = socket
    }

    deinit {
        close(socket)
    }

    package func write(_ value: UInt32, at address: UInt64) throws(QMP.Failure) {
        _ = try execute("writel \(address.hexadecimal) \(value.hexadecimal)")
    }

    package func write(_ value: UInt64, at address: UInt64) throws(QMP.Failure) {
        _ = try execute("writeq \(address.hexadecimal) \(value.hexadecimal)")
    }

    /// Eight bytes.
    package func read(at address: UInt64) throws(QMP.Failure) -> UInt64 {
        try number(execute("readq \(address.hexadecimal)"))
    }

    package func output(_ value: UInt32, to port: UInt16) throws(QMP.Failure) {
        _ = try execute("outl \(port.hexadecimal) \(value.hexadecimal)")
    }

    /// Four bytes.
    package func input(from port: UInt16) throws(QMP.Failure) -> UInt32 {
        UInt32(truncatingIfNeeded: try number(execute("inl \(port.hexadecimal)")))
    }

    private func number(_ answer: Substring) throws(QMP.Failure) -> UInt64 {
        guard answer.hasPrefix("0x"), let value = UInt64(answer.dropFirst(2), radix: 16) else {
            throw .refused("read", String(answer))
        }
        return value
    }

    /// What follows `OK`.
    private func execute(_ command: String) throws(QMP.Failure) -> Substring {
        guard Descriptor.write([UInt8]("\(command)\n".utf8), to: socket) else { throw .gone }
        var answer: [UInt8] = []
        while answer.last != UInt8(ascii: "\n") {
            guard let part = Descriptor.read(socket), !part.isEmpty else { throw .gone }
            answer += part
        }
        let words = String(decoding: answer, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.first == "OK" else { throw .refused(command, words.joined(separator: " ")) }
        return words.dropFirst().first ?? ""
    }
}
