import Foundation

/// Waits for a text on the console; looks at new bytes only.
package struct TextWatch {
    private let text: Data
    private var seenBytes = 0
    /// Where the text ended, once it has come.
    private(set) var foundEnd: Int?

    /// Found only where all of it stands at `start` or behind.
    package init(_ text: String, from start: Int = 0) {
        self.text = Data(text.utf8)
        seenBytes = start == 0 ? 0 : start + self.text.count - 1
    }

    /// Whether the text has come.
    package mutating func look(at console: [UInt8]) -> Bool {
        guard foundEnd == nil, console.count > seenBytes else { return foundEnd != nil }
        let start = max(0, seenBytes - text.count + 1)
        let news = Data(console[start...])
        foundEnd = news.range(of: text).map { start + $0.upperBound }
        seenBytes = console.count
        return foundEnd != nil
    }
}
