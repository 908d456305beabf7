/// A length of time that is written and read as people do: `120s`.
///
/// - Units: `ms`, `s`, `m` (minutes), `h`; a bare number is seconds.
package struct TimeSpan: Hashable, Sendable {
    package let duration: Duration

    package init(_ duration: Duration) {
        self.duration = duration
    }

    package var seconds: Double { duration / .seconds(1) }

    private static let units: [String: Duration] = [
        "ms": .milliseconds(1), "": .seconds(1), "s": .seconds(1), "m": .seconds(60), "h": .seconds(3600),
    ]

    /// - Throws: ``Failure/notATime(_:)`` unless the text is a whole number above zero with a known unit.
    package init(parsing text: String) throws(Failure) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let suffix = String(text.dropFirst(digits.count))
        guard let number = Int32(digits), number > 0, let unit = Self.units[suffix] else {
            throw .notATime(text)
        }
        duration = unit * Int(number)
    }

    package enum Failure: Explained, Equatable {
        case notATime(String)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .notATime(let text):
                "'\(text)' is not a time. Write a whole number with a unit, as in 50ms, 120s or 5m."
            }
        }
    }
}

extension TimeSpan: CustomStringConvertible {
    package var description: String {
        let (seconds, attoseconds) = duration.components
        return attoseconds == 0 ? "\(seconds)s" : "\(Int((duration / .milliseconds(1)).rounded()))ms"
    }
}

extension TimeSpan: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
