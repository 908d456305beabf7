import CLibvirt
import Foundation
import FrostSupport
import Glibc
import Synchronization

/// A domain's serial line, carried by libvirt's connection; it begins with the first byte if it is opened before the CPU
/// runs.
///
/// It is asked again and again. Where `virStreamRecv` waits by itself, what the event loop's thread takes in between the
/// look at the queue and the wait is not seen before the next bytes arrive (libvirt 9.0, src/rpc/virnetclientstream.c,
/// virNetClientStreamRecvPacket): a guest's last words before a long silence came with its end.
final class LibvirtStream: @unchecked Sendable {
    private let handle: virStreamPtr
    private let connection: virConnectPtr
    private let ended = Atomic(false)

    /// - Throws: ``LibvirtFailure/noConsole(_:words:)``, ``QMP/Failure``
    init(_ line: DomainLine, of domain: LibvirtDomain, asking qemu: QMP) throws {
        let uri = domain.connection.uri
        guard let handle = virStreamNew(domain.connection.handle, UInt32(VIR_STREAM_NONBLOCK.rawValue)) else {
            throw LibvirtFailure.noConsole(uri, words: LibvirtFailure.lastError)
        }
        (self.handle, connection) = (handle, domain.connection.handle)
        try line.free(qemu)
        guard virDomainOpenChannel(domain.handle, line.alias, handle, 0) == 0 else {
            throw LibvirtFailure.noConsole(uri, words: LibvirtFailure.lastError)
        }
        let deadline = ContinuousClock.now + Self.patience
        while try !line.isConnected(qemu) {
            guard ContinuousClock.now < deadline else {
                throw LibvirtFailure.noConsole(
                    uri, words: "QEMU did not take the connection to \(line.socket)")
            }
            usleep(1000)
        }
    }

    private static let patience = Duration.seconds(10)
    /// What libvirt answers when nothing is there, or no room.
    private static let later: Int32 = -2
    /// Between two questions, in microseconds.
    private static let pause: UInt32 = 2000

    deinit {
        virStreamFree(handle)
    }

    /// Whether all that it said has arrived.
    var isEnded: Bool { ended.load(ordering: .acquiring) }

    /// Writes what it says to a descriptor, on a thread of its own, until it ends; shuts and closes the descriptor then.
    func copy(to descriptor: Int32) {
        Thread.detachNewThread { [self] in
            while let bytes = receive(), Descriptor.write(bytes, to: descriptor) {}
            shutdown(descriptor, Int32(SHUT_WR))
            close(descriptor)
            ended.store(true, ordering: .releasing)
        }
    }

    /// Sends it what a descriptor says, on a thread of its own, and closes the descriptor at its end.
    func copy(from descriptor: Int32) {
        Thread.detachNewThread { [self] in
            while let bytes = Descriptor.read(descriptor), !bytes.isEmpty,
                Self.send(Data(bytes), over: handle)
            {}
            close(descriptor)
        }
    }

    /// nil: no more will come.
    private func receive() -> [UInt8]? {
        var count: Int32 = -1
        let bytes = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, used in
            buffer.withMemoryRebound(to: CChar.self) {
                while true {
                    count = virStreamRecv(handle, $0.baseAddress, $0.count)
                    // Of a connection that is lost the stream does not tell.
                    guard count == Self.later, virConnectIsAlive(connection) == 1 else { break }
                    usleep(Self.pause)
                }
            }
            used = Int(max(count, 0))
        }
        if count > 0 { return bytes }
        if count == 0 { virStreamFinish(handle) } else { virStreamAbort(handle) }
        return nil
    }

    /// False when the other side is gone.
    static func send(_ bytes: Data, over stream: virStreamPtr) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes {
                virStreamSend(stream, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
            }
            guard sent > 0 || sent == later else { return false }
            if sent == later { usleep(pause) } else { rest = rest.dropFirst(Int(sent)) }
        }
        return true
    }
}
