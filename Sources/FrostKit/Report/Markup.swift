/// HTML or SVG. What is interpolated into it is escaped, unless it is markup itself: no text of a guest's can become a
/// tag.
struct Markup: Sendable, Equatable, ExpressibleByStringInterpolation {
    private(set) var text: String

    init(stringLiteral literal: String) {
        text = literal
    }

    init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
    }

    /// Markup from elsewhere, as it is.
    init(trusted text: String) {
        self.text = text
    }

    init(_ parts: [Markup], separator: String = "\n") {
        text = parts.map(\.text).joined(separator: separator)
    }

    static func + (left: Markup, right: Markup) -> Markup { Markup([left, right]) }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 8)
        }

        mutating func appendLiteral(_ literal: String) { text += literal }
        mutating func appendInterpolation(_ text: some StringProtocol) { self.text += Markup.escaped(text) }
        mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
        mutating func appendInterpolation(_ parts: [Markup]) { text += Markup(parts).text }
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
