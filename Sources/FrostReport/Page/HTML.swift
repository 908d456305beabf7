import FrostSupport

/// HTML or SVG. What is interpolated into it is escaped, unless it is markup itself: no text of a guest's can become a
/// tag.
struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
    private(set) var text: String

    init(stringLiteral literal: String) {
        text = literal
    }

    init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
    }

    /// HTML from elsewhere, as it is.
    init(trusted text: String) {
        self.text = text
    }

    init(_ parts: [HTML], separator: String = "\n") {
        text = parts.map(\.text).joined(separator: separator)
    }

    static func + (left: HTML, right: HTML) -> HTML { HTML([left, right]) }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 8)
        }

        mutating func appendLiteral(_ literal: String) { text += literal }
        mutating func appendInterpolation(_ text: some StringProtocol) { self.text += HTML.escaped(text) }
        mutating func appendInterpolation(_ markup: HTML) { text += markup.text }
        mutating func appendInterpolation(_ parts: [HTML]) { text += HTML(parts).text }
        mutating func appendInterpolation(_ number: Int) { text += "\(number)" }
        /// A place in a drawing.
        mutating func appendInterpolation(_ number: Double) { text += number.formatted(places: 1) }
    }

    private static func escaped(_ text: some StringProtocol) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            // HTML has no control characters, not even by number.
            case _ where scalar.properties.generalCategory == .control: escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
