import DRAMSearch
package import FrostSupport

/// Bytes that a guest keeps secret, and that nothing else would have.
package struct Canary: Sendable, Equatable, Hashable {
    package let bytes: [UInt8]

    package static let shortestBytes = Int(NEEDLE_BYTES_MIN)

    /// Text, or 0x and hexadecimal digits.
    /// - Throws: ``Failure`` when it is too short to be told from chance.
    package init(parsing text: String) throws(Failure) {
        if text.hasPrefix("0x") {
            guard let bytes = Self.hexadecimal(text.dropFirst(2)) else { throw .notHexadecimal(text) }
            self.bytes = bytes
        } else {
            bytes = [UInt8](text.utf8)
        }
        guard bytes.count >= Self.shortestBytes, Set(bytes).count > 1 else { throw .tooShort(text) }
    }

    private static func hexadecimal(_ digits: Substring) -> [UInt8]? {
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        var rest = digits
        while !rest.isEmpty {
            guard rest.prefix(2).allSatisfy(\.isHexDigit), let byte = UInt8(rest.prefix(2), radix: 16) else {
                return nil
            }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    package enum Failure: Explained, Equatable {
        case notHexadecimal(String)
        case tooShort(String)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .notHexadecimal(let text):
                "The canary '\(text)' is no even number of hexadecimal digits after 0x. Correct it, or leave out the 0x."
            case .tooShort(let text):
                """
                The canary '\(text)' is too short to be told from chance. Give at least \
                \(Canary.shortestBytes) bytes, not all the same.
                """
            }
        }
    }
}

extension Canary: CustomStringConvertible {
    package var description: String {
        let isText = bytes.allSatisfy { (0x20..<0x7F).contains($0) } && !bytes.starts(with: [0x30, 0x78])
        return isText ? "\"\(String(decoding: bytes, as: UTF8.self))\"" : "0x\(bytes.hexadecimal)"
    }
}

/// As ``init(parsing:)`` takes it.
extension Canary: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode("0x\(bytes.hexadecimal)")
    }
}
