import Foundation
import FrostImage
import FrostSupport
import Yams

/// A sweep's YAML, read with the line of everything that may be wrong.
struct SweepFile {
    let path: String
    private let root: Node.Mapping

    /// - Throws: ``SweepMatrix/Failure``
    init(reading file: URL) throws(SweepFileFailure) {
        path = file.plainPath
        guard FileManager.default.fileExists(atPath: path) else { throw .missing(path) }
        guard let text = try? String(contentsOf: file, encoding: .utf8) else {
            throw .mistake(path, line: nil, "this is not text in UTF-8")
        }
        if let fault = YAMLShape.fault(in: text) {
            throw .mistake(path, line: fault.line, "no sweep has \(fault.what)")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text, .default, .default, .utf8)
        } catch {
            throw Self.failure(path, error)
        }
        guard let node else { throw .mistake(path, line: nil, "it is empty: write matrix: and its keys") }
        guard case .mapping(let mapping) = node else {
            throw .mistake(path, line: node.mark?.line, "the file is to be keys with values, such as matrix:")
        }
        root = mapping
    }

    private static func failure(_ path: String, _ error: any Error) -> SweepFileFailure {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            .mistake(path, line: mark.line, "this is not YAML: \(problem)")
        case YamlError.duplicatedKeysInMapping(let keys, let context):
            .mistake(
                path, line: context.mark.line,
                "'\(keys.sorted().joined(separator: "', '"))' stands there twice: keep one")
        default: .mistake(path, line: nil, "this is not YAML")
        }
    }

    func mistake(_ node: Node?, _ sentence: String) -> SweepFileFailure {
        .mistake(path, line: node?.mark?.line, sentence)
    }

    /// The pairs of the whole file, of known names only.
    func sections(_ known: [String]) throws(SweepFileFailure) -> [String: Node] {
        var sections: [String: Node] = [:]
        for (name, node) in try pairs(.mapping(root), known: known, of: "a sweep") { sections[name] = node }
        return sections
    }

    /// A mapping's pairs, in the file's order.
    func pairs(_ node: Node, known: [String], of what: String) throws(SweepFileFailure) -> [(String, Node)] {
        guard case .mapping(let mapping) = node else {
            throw mistake(node, "\(what) is to be keys with values, such as \(known[0]): ...")
        }
        var pairs: [(String, Node)] = []
        for (key, value) in mapping {
            guard let name = key.string, known.contains(name) else {
                let name = key.string ?? "?"
                let near = Self.nearest(name, known).map { "did you mean '\($0)'? " } ?? ""
                throw mistake(
                    key, "'\(name)' is no key of \(what); \(near)Known: \(known.joined(separator: ", "))")
            }
            pairs.append((name, value))
        }
        return pairs
    }

    /// One value, or a list of them.
    func values(_ node: Node, of key: String) throws(SweepFileFailure) -> [(text: String, node: Node)] {
        guard case .sequence(let sequence) = node else { return [(try scalar(node, of: key), node)] }
        guard !sequence.isEmpty else { throw mistake(node, "\(key) has no value: write at least one") }
        var values: [(String, Node)] = []
        for entry in sequence { values.append((try scalar(entry, of: key), entry)) }
        return values
    }

    func scalar(_ node: Node, of key: String) throws(SweepFileFailure) -> String {
        guard case .scalar(let scalar) = node, node.null == nil else {
            throw mistake(node, "\(key) wants a value, such as a word or a number")
        }
        return scalar.string
    }

    func entries(_ node: Node, of key: String) throws(SweepFileFailure) -> [Node] {
        guard case .sequence(let sequence) = node else {
            throw mistake(node, "\(key) is to be a list: begin each entry with '- '")
        }
        return Array(sequence)
    }

    /// What somebody may have meant: at most a third of its letters are wrong.
    static func nearest(_ word: String, _ known: [String]) -> String? {
        let best = known.map { ($0, distance(Array(word), Array($0))) }.min { $0.1 < $1.1 }
        return best.flatMap { name, distance in distance * 3 <= max(name.count, word.count) ? name : nil }
    }

    /// Levenshtein's.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (a == b ? 0 : 1))
                (diagonal, row[j + 1]) = (row[j + 1], next)
            }
        }
        return row[right.count]
    }
}
