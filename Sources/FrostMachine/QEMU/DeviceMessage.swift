import FrostSupport
import Glibc

/// A message-signalled interrupt, as any device that can write to memory may send it to the CPU.
///
/// QEMU's control socket knows no INIT and no SMI; its test socket writes to the bus as a device does.
///
/// - Source: Intel SDM (325462) vol 3, "Message Signalled Interrupts"; QEMU, docs/devel/qtest.rst.
package enum DeviceMessage: UInt32, Sendable {
    // Bits 10:8 of the data: the delivery mode.
    case smi = 0x200
    case nmi = 0x400
    case initialise = 0x500

    /// Of the first CPU's local APIC.
    private static let address = "0xfee00000"
    private static let patience = Duration.seconds(10)

    /// - Throws: ``QMP/Failure`` when QEMU does not take it.
    func send(over path: String) throws(QMP.Failure) {
        guard let socket = UnixSocket.connect(path, patience: Self.patience) else { throw .noConnection }
        defer { close(socket) }
        let line = "writel \(Self.address) \(rawValue.hexadecimal)\n"
        guard Descriptor.write([UInt8](line.utf8), to: socket), let answer = Descriptor.read(socket) else {
            throw .gone
        }
        guard answer.starts(with: "OK".utf8) else {
            throw .refused(line, String(decoding: answer, as: UTF8.self))
        }
    }
}
