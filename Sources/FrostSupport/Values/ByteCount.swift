/// A size in bytes that is written and read as people do: `8MiB`.
///
/// - Units: bytes; `KiB`, `MiB`, `GiB` (also `K`, `M`, `G`) are powers of 1024.
package struct ByteCount: Hashable, Comparable, Sendable {
    package var bytes: UInt64

    package init(_ bytes: UInt64) {
        self.bytes = bytes
    }

    package static let kibibyte = ByteCount(1 << 10)
    package static let mebibyte = ByteCount(1 << 20)
    package static let gibibyte = ByteCount(1 << 30)

    private static let units: [(suffix: String, bytes: UInt64)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10), ("B", 1), ("", 1),
    ]

    /// - Throws: ``Failure/notASize(_:)`` unless the text is a whole number with a known unit, or none.
    package init(parsing text: String) throws(Failure) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let suffix = text.dropFirst(digits.count).drop { $0 == " " }
        guard let number = UInt64(digits), let unit = Self.units.first(where: { $0.suffix == suffix }) else {
            throw .notASize(text)
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit.bytes)
        guard !overflow else { throw .notASize(text) }
        self.bytes = bytes
    }

    package static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
    package static func + (left: ByteCount, right: ByteCount) -> ByteCount { .init(left.bytes + right.bytes) }
    package static func * (count: UInt64, unit: ByteCount) -> ByteCount { .init(count * unit.bytes) }

    package func isMultiple(of unit: ByteCount) -> Bool { bytes.isMultiple(of: unit.bytes) }

    /// For a reader who wants the magnitude: `12.3 MiB`.
    package var rounded: String {
        guard let unit = Self.units.prefix(3).first(where: { $0.bytes <= bytes }) else { return "\(bytes) B" }
        let tenths = bytes / unit.bytes * 10 + (bytes % unit.bytes * 10 + unit.bytes / 2) / unit.bytes
        return tenths.isMultiple(of: 10)
            ? "\(tenths / 10) \(unit.suffix)" : "\(tenths / 10).\(tenths % 10) \(unit.suffix)"
    }

    package enum Failure: Explained, Equatable {
        case notASize(String)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .notASize(let text):
                "'\(text)' is not a size. Write a whole number with a unit, as in 512KiB, 8MiB or 1GiB."
            }
        }
    }
}

extension ByteCount: CustomStringConvertible {
    /// Exact, and readable by ``init(parsing:)``.
    package var description: String {
        for unit in Self.units.prefix(3) where bytes >= unit.bytes && bytes.isMultiple(of: unit.bytes) {
            return "\(bytes / unit.bytes)\(unit.suffix)"
        }
        return "\(bytes)B"
    }
}

extension ByteCount: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
