import Foundation
import FrostSupport

/// A serial line that libvirt's connection carries without the loss of a byte.
///
/// libvirt opens a serial line only if it is a pseudo terminal, and what a terminal still holds when QEMU goes is lost:
/// the end of the trace. A channel it opens by connecting to a socket, which loses nothing. So QEMU has a socket for the
/// line, unknown to libvirt, and libvirt has a channel with the socket's path. Of the kinds of channel guestfwd is the one
/// that adds no device to the machine; its own connection is taken away before the CPU runs.
///
/// - Source: libvirt, src/qemu/qemu_driver.c, qemuDomainOpenConsole and qemuDomainOpenChannel; "Domain XML format",
///   "Channel".
package struct DomainLine: Sendable {
    /// 0 is the console, 1 the trace.
    let number: Int
    /// On QEMU's host.
    let socket: String

    /// - Parameter name: the domain's.
    package static func all(of name: String) -> [DomainLine] {
        (0...1).map { DomainLine(number: $0, socket: "/tmp/\(name).com\($0 + 1)") }
    }

    /// libvirt's name of the channel, and QEMU's of its network.
    var alias: String { "channel\(number)" }
    private var device: String { "com\(number + 1)" }

    var channel: Markup {
        Markup(
            "channel", ["type": "unix"],
            [
                // When QEMU creates it nothing listens there yet: it is to try again.
                Markup(
                    "source", ["mode": "connect", "path": socket],
                    [
                        Markup("reconnect", ["enabled": "yes", "timeout": "3600"]),
                        // Nor is there a socket yet whose owner libvirt could change.
                        Markup("seclabel", ["model": "dac", "relabel": "no"]),
                    ]),
                Markup("target", ["type": "guestfwd", "address": "10.0.2.1", "port": "\(4600 + number)"]),
            ])
    }

    /// As QEMU takes them.
    var arguments: [String] {
        [
            "-chardev", "socket,id=\(device),path=\(QEMU.quoted(socket)),server=on,wait=off",
            "-serial", "chardev:\(device)",
        ]
    }

    /// Leaves the socket to libvirt: the channel's own connection may have been there first.
    func free(_ qemu: QMP) throws {
        try qemu.execute("netdev_del", ["id": alias])
    }

    /// Whether QEMU has accepted the connection to its socket; what it says before is lost.
    package func isConnected(_ qemu: QMP) throws(QMP.Failure) -> Bool {
        let command = "query-chardev"
        let answer = try qemu.execute(command)
        guard let devices = try? JSON.decode([CharacterDevice].self, from: answer) else {
            throw .refused(command, "its answer is no list of devices")
        }
        return devices.contains { $0.label == device && $0.filename.hasPrefix("unix:") }
    }

    /// - Source: QEMU, QMP Reference Manual, ChardevInfo; `filename` begins with "disconnected:" until something connects.
    private struct CharacterDevice: Decodable {
        var label: String
        var filename: String
    }
}
