/// A C or nasm file as its tokens: what it defines, and where a text stands in it, whatever is between the tokens.
struct SourceCode {
    let bytes: [UInt8]
    /// Words and numbers, strings, and everything else a character each.
    private let tokens: [Range<Int>]
    private let isAssembly: Bool

    init(_ text: String, _ pathExtension: String) {
        bytes = Array(text.utf8)
        isAssembly = pathExtension == "asm" || pathExtension == "inc"
        tokens = Self.tokens(bytes, isAssembly: isAssembly)
    }

    // MARK: tokens

    private static func tokens(_ bytes: [UInt8], isAssembly: Bool) -> [Range<Int>] {
        var tokens: [Range<Int>] = []
        var at = 0, isLineBegun = false
        func end(from start: Int, where isEnd: (Int) -> Bool) -> Int {
            var at = start
            while at < bytes.count, !isEnd(at) { at += 1 }
            return at
        }
        func has(_ text: StaticString, at place: Int) -> Bool {
            text.withUTF8Buffer { bytes[place...].starts(with: $0) }
        }
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\n") { isLineBegun = false }
            if byte <= UInt8(ascii: " ") {
                at += 1
            } else if isAssembly ? byte == UInt8(ascii: ";") : has("//", at: at) {
                at = end(from: at) { bytes[$0] == UInt8(ascii: "\n") }
            } else if !isAssembly && has("/*", at: at) {
                at = min(end(from: at + 2) { has("*/", at: $0) } + 2, bytes.count)
            } else if !isAssembly && !isLineBegun && byte == UInt8(ascii: "#") {
                // A line of the preprocessor, with those that it goes on in.
                at = end(from: at) { bytes[$0] == UInt8(ascii: "\n") && bytes[$0 - 1] != UInt8(ascii: "\\") }
            } else {
                let start = at
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    at += 1
                    while at < bytes.count, bytes[at] != byte {
                        at += !isAssembly && bytes[at] == UInt8(ascii: "\\") ? 2 : 1
                    }
                    at = min(at + 1, bytes.count)
                } else {
                    at = max(end(from: at) { !isWord(bytes[$0]) }, at + 1)
                }
                tokens.append(start..<at)
                isLineBegun = true
            }
        }
        return tokens
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private func text(_ token: Int) -> String {
        tokens.indices.contains(token) ? String(decoding: bytes[tokens[token]], as: UTF8.self) : ""
    }

    private func isName(_ token: Int) -> Bool {
        tokens.indices.contains(token) && Self.isWord(bytes[tokens[token].lowerBound])
    }

    /// The bytes of each place among the tokens `definition` that has the tokens of `snippet`.
    func matches(_ snippet: SourceCode, within definition: Range<Int>) -> [Range<Int>] {
        let count = snippet.tokens.count
        guard count > 0, count <= definition.count else { return [] }
        return (definition.lowerBound...definition.upperBound - count).filter { start in
            snippet.tokens.indices.allSatisfy {
                bytes[tokens[start + $0]] == snippet.bytes[snippet.tokens[$0]]
            }
        }.map { tokens[$0].lowerBound..<tokens[$0 + count - 1].upperBound }
    }

    /// The white space that begins the line of this byte.
    func indentation(at byte: Int) -> String {
        let line = (bytes[..<byte].lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
        return String(decoding: bytes[line..<byte].prefix { $0 == UInt8(ascii: " ") }, as: UTF8.self)
    }

    // MARK: definitions

    /// The tokens of each definition of that name: a function, an object at file scope, or what follows a label.
    func definitions(of name: String) -> [Range<Int>] {
        isAssembly ? labels(name) : declarations().filter { $0.names.contains(name) }.map(\.tokens)
    }

    /// Up to the next label that is not local.
    private func labels(_ name: String) -> [Range<Int>] {
        let starts = tokens.indices.filter { token in
            let isFirst =
                token == 0 || bytes[tokens[token - 1].upperBound..<tokens[token].lowerBound].contains(10)
            return isFirst && isName(token) && text(token + 1) == ":"
        }
        return starts.indices.filter { text(starts[$0]) == name }.map {
            starts[$0]..<($0 + 1 < starts.count ? starts[$0 + 1] : tokens.count)
        }
    }

    /// What stands at file scope, and the names that it defines: none where it only declares.
    private func declarations() -> [(tokens: Range<Int>, names: [String])] {
        var found: [(Range<Int>, [String])] = []
        var start = 0, depth = 0
        var function: String?, objects: [String] = [], isInitializer = false, isBody = false,
            isForeign = false
        func isEnd(_ word: String) -> Bool { depth == 0 && (word == ";" || (word == "}" && isBody)) }

        for token in tokens.indices {
            let word = text(token)
            let isNameBefore = isName(token - 1) && token > start
            if ["}", ")", "]"].contains(word) { depth -= 1 }
            if depth == 0 {
                switch word {
                case "extern", "typedef": isForeign = true
                case "(" where function == nil && isNameBefore && !isInitializer:
                    let name = text(token - 1)
                    if name != "__attribute__" && name != "_Alignas" && name != "alignas" { function = name }
                case "{" where function != nil && text(token - 1) == ")" && !isInitializer: isBody = true
                case "[", "=", ",", ";":
                    if isNameBefore && !isInitializer && function == nil { objects.append(text(token - 1)) }
                    isInitializer = word == "=" || (isInitializer && word == "[")
                default: break
                }
            }
            if isEnd(word) {
                let isTagOnly = token - start == 2 && ["struct", "enum", "union"].contains(text(start))
                let names = isBody ? [function ?? ""] : isForeign || isTagOnly ? [] : objects
                found.append((start..<token + 1, names))
                (start, function, objects) = (token + 1, nil, [])
                (isInitializer, isBody, isForeign) = (false, false, false)
            }
            if ["{", "(", "["].contains(word) { depth += 1 }
        }
        return found
    }
}
