import Foundation
import FrostSupport

/// One change that a fault makes. It is found by the name of what it changes, wherever that is defined now, and by a
/// text that stands in there exactly once, however it is indented, wrapped or commented.
struct FaultEdit: Sendable, Equatable {
    private enum Place { case instead, after, before }

    /// A function, or an object at file scope; of assembly, a label.
    private let name: String
    /// The file's own name, where several files have one of that name.
    private let fileName: String?
    private let anchor: String
    private let place: Place
    private let text: String
    /// Headers that the text needs, by their files' names.
    private let headers: [String]

    /// What a fault's file must say of an edit.
    static let shape = """
        an edit says in: NAME or in: FILE NAME, and then replace: and with:, or remove:, or after: and insert:, or \
        before: and insert:; it may include: headers
        """

    /// nil when the fields are not of that ``shape``.
    init?(_ fields: [String: String]) {
        var fields = fields
        let words = fields.removeValue(forKey: "in")?.split(separator: " ").map(String.init) ?? []
        headers = fields.removeValue(forKey: "include")?.split(separator: " ").map(String.init) ?? []
        let pairs = fields.sorted { $0.key < $1.key }
        switch (pairs.map(\.key), pairs.first?.value, pairs.last?.value) {
        case (["replace", "with"], let old?, let new?): (place, anchor, text) = (.instead, old, new)
        case (["remove"], let old?, _): (place, anchor, text) = (.instead, old, "")
        case (["after", "insert"], let old?, let new?): (place, anchor, text) = (.after, old, new)
        case (["before", "insert"], let old?, let new?): (place, anchor, text) = (.before, old, new)
        default: return nil
        }
        guard let name = words.last, words.count <= 2 else { return nil }
        (self.name, fileName) = (name, words.count == 2 ? words[0] : nil)
    }

    /// Changes the sources in `folder`.
    /// - Throws: ``FaultFailure`` when the edit of that fault does not fit them.
    func make(in folder: URL, for fault: String) throws {
        let files = try Self.files(below: folder)
        let (file, code, definition) = try find(in: files, for: fault)
        let found = code.matches(SourceCode(anchor, file.pathExtension), within: definition)
        guard let match = found.first, found.count == 1 else {
            throw FaultFailure.notOnce(
                fault, name: name, file: file.lastPathComponent, text: anchor, count: found.count)
        }
        var bytes = code.bytes
        let indent = code.indentation(at: match.lowerBound)
        let inserted = text.split(separator: "\n").joined(separator: "\n\(indent)")
        switch place {
        case .instead: bytes.replaceSubrange(match, with: inserted.utf8)
        case .after: bytes.insert(contentsOf: "\n\(indent)\(inserted)".utf8, at: match.upperBound)
        case .before: bytes.insert(contentsOf: "\(inserted)\n\(indent)".utf8, at: match.lowerBound)
        }
        let includes = try headers.map { try Self.include($0, among: files, below: folder, for: fault) }
        try Data(Array(includes.joined().utf8) + bytes).write(to: file)
    }

    private func find(
        in files: [URL], for fault: String
    ) throws -> (file: URL, code: SourceCode, definition: Range<Int>) {
        var found: [(URL, SourceCode, Range<Int>)] = []
        for file in files where fileName == nil || file.lastPathComponent == fileName {
            let text = try String(contentsOf: file, encoding: .utf8)
            guard text.contains(name) else { continue }
            let code = SourceCode(text, file.pathExtension)
            found += code.definitions(of: name).map { (file, code, $0) }
        }
        guard let first = found.first else {
            throw FaultFailure.noDefinition(fault, name: name, file: fileName)
        }
        guard found.count == 1 else {
            throw FaultFailure.severalDefinitions(
                fault, name: name, files: found.map(\.0.lastPathComponent))
        }
        return first
    }

    private static func include(
        _ header: String, among files: [URL], below folder: URL, for fault: String
    ) throws -> String {
        let found = files.filter { $0.lastPathComponent == header }
        guard let file = found.first, found.count == 1 else {
            throw FaultFailure.noHeader(fault, header: header, count: found.count)
        }
        return "#include \"\(file.plainPath.dropFirst(folder.plainPath.count))\"\n"
    }

    private static func files(below folder: URL) throws -> [URL] {
        let extensions: Set = ["c", "h", "asm", "inc"]
        return try FileManager.default.subpathsOfDirectory(atPath: folder.plainPath).sorted()
            .map { folder.appending(path: $0) }.filter { extensions.contains($0.pathExtension) }
    }
}
