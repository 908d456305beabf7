package import FrostSupport

/// The guest's way out: QEMU plays a network of its own, by the host's sockets, without rights.
package struct GuestNetwork: Sendable, Equatable, Codable {
    package enum Card: String, Sendable, Codable, CaseIterable {
        case virtio, e1000e
    }

    /// A port of this host, at its loopback address alone, that leads to one of the guest's.
    package struct Forward: Sendable, Equatable, Codable {
        package let host: UInt16
        package let guest: UInt16

        package init(host: UInt16, guest: UInt16) {
            (self.host, self.guest) = (host, guest)
        }

        /// - Parameter text: "8080:80".
        /// - Throws: ``Failure/unreadable(_:)``
        package init(parsing text: String) throws(Failure) {
            let ports = text.split(separator: ":", omittingEmptySubsequences: false).map { UInt16($0) }
            guard ports.count == 2, let host = ports[0], let guest = ports[1], host != 0, guest != 0 else {
                throw .unreadable(text)
            }
            self.init(host: host, guest: guest)
        }
    }

    package let card: Card
    package let forwards: [Forward]

    /// - Throws: ``Failure/twice(_:)``
    package init(card: Card = .virtio, forwards: [Forward] = []) throws(Failure) {
        (self.card, self.forwards) = (card, forwards)
        var seen: Set<UInt16> = []
        for forward in forwards where !seen.insert(forward.host).inserted { throw .twice(forward.host) }
    }

    /// Of each virtio device: modern, and subject to the IOMMU.
    static let virtioOptions = "iommu_platform=on,disable-legacy=on"

    /// As QEMU takes them. Without a ROM firmware does not try to start from the network.
    var arguments: [String] {
        let forwards = forwards.map { ",hostfwd=tcp:127.0.0.1:\($0.host)-:\($0.guest)" }.joined()
        let device =
            switch card {
            case .virtio: "virtio-net-pci,netdev=guest-net,romfile=,\(Self.virtioOptions)"
            case .e1000e: "e1000e,netdev=guest-net,romfile="
            }
        return ["-netdev", "user,id=guest-net\(forwards)", "-device", device]
    }

    package enum Failure: Explained, Equatable {
        case unreadable(String)
        case twice(UInt16)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .unreadable(let text):
                "'\(text)' is no pair of ports. Write it like 8080:80: this host's, then the guest's, each 1 to 65535."
            case .twice(let port): "The host's port \(port) is forwarded twice. Give each --forward another."
            }
        }
    }
}
