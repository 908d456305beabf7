/// An XML element.
package struct Markup: CustomStringConvertible {
    let name: String
    package var attributes: [(String, String)]
    package var content: [Markup]
    var text: String?

    package init(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ content: [Markup] = [])
    {
        self.name = name
        self.attributes = attributes.map { ($0, $1) }
        self.content = content
    }

    package init(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String) {
        self.init(name, attributes)
        self.text = text
    }

    package var description: String { lines(indent: "").joined(separator: "\n") }

    private func lines(indent: String) -> [String] {
        let start = "\(indent)<\(name)" + attributes.map { " \($0)='\(Self.escaped($1))'" }.joined()
        if let text { return ["\(start)>\(Self.escaped(text))</\(name)>"] }
        if content.isEmpty { return ["\(start)/>"] }
        return ["\(start)>"] + content.flatMap { $0.lines(indent: indent + "  ") } + ["\(indent)</\(name)>"]
    }

    /// What XML cannot say becomes U+FFFD.
    ///
    /// - Source: XML 1.0, 2.4 "Character Data and Markup" and 3.3.3 "Attribute-Value Normalization", which would
    ///   make spaces of tabs and line ends.
    package static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "'": "&apos;"
            case "\"": "&quot;"
            case "\t", "\n", "\r": "&#\(scalar.value);"
            default: canHold(scalar) ? String(scalar) : "\u{FFFD}"
            }
        }.joined()
    }

    package static func canHold(_ text: String) -> Bool { text.unicodeScalars.allSatisfy(canHold) }

    /// Whether XML can say it at all: most control characters it cannot, however they are written.
    ///
    /// - Source: XML 1.0, 2.2 "Characters".
    private static func canHold(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }
}
