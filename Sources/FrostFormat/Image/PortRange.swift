package import FrostCore
package import FrostSupport

/// I/O ports that a guest may reach besides those of every guest, as an image's header keeps them.
package struct PortRange: Sendable, Equatable {
    package var first: UInt16
    package var last: UInt16

    /// How many an image can declare.
    package static let most = Int(IMAGE_PORTS)

    /// Ports that no image can open, and what they are.
    private static let closed: [(range: ClosedRange<UInt16>, what: String)] = [
        (0x00...0x0F, "the 8237 masters the bus"), (0xC0...0xDF, "the 8237 masters the bus"),
        (0xB2...0xB3, "each write there is an SMI"),
        (UInt16(COM2)...UInt16(COM2) + 7, "the trace leaves there"),
        (0x514...0x51B, "QEMU's fw_cfg masters the bus"),
    ]

    /// - Parameter text: "0x1F0-0x1F7", or one port.
    /// - Throws: ``Failure``
    package init(parsing text: String) throws(Failure) {
        func port(_ word: Substring) throws(Failure) -> UInt16 {
            let value = word.hasPrefix("0x") ? UInt16(word.dropFirst(2), radix: 16) : UInt16(word)
            guard let value else { throw .unreadable(text) }
            return value
        }
        let words = text.split(separator: "-", omittingEmptySubsequences: false)
        guard let word = words.first, words.count <= 2 else { throw .unreadable(text) }
        first = try port(word)
        last = try port(words.last ?? word)
        guard first <= last else { throw .unreadable(text) }
    }

    /// - Throws: ``Failure``, where an image cannot declare these.
    package static func check(_ ranges: [PortRange]) throws(Failure) {
        guard ranges.count <= most else { throw .many(ranges.count) }
        for range in ranges {
            let row = closed.first { $0.range.overlaps(range.first...range.last) }
            if let row { throw .closed("\(range)", why: row.what) }
        }
    }

    package init?(_ range: port_range) {
        guard range.count > 0, Int(range.first) + Int(range.count) <= 0x10000 else { return nil }
        (first, last) = (range.first, range.first + (range.count - 1))
    }

    package var header: port_range { port_range(first: first, count: last - first + 1) }

    package enum Failure: Explained, Equatable {
        case unreadable(String)
        case closed(String, why: String)
        case many(Int)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .unreadable(let text):
                "'\(text)' is no range of I/O ports. Write it like 0x1F0-0x1F7, or 0xF4."
            case .closed(let text, let why):
                "The ports \(text) cannot be opened to a guest: \(why). Declare others."
            case .many(let count):
                "An image can declare \(PortRange.most) ranges of I/O ports, not \(count). Join some."
            }
        }
    }
}

/// As ``init(parsing:)`` takes it.
extension PortRange: CustomStringConvertible, Codable {
    package var description: String {
        first == last ? first.hexadecimal : "\(first.hexadecimal)-\(last.hexadecimal)"
    }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
