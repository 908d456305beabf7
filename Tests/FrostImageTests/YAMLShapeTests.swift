import Foundation
@testable import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// YAML that takes for ever, or all memory, by what our files do not use.
@Suite struct YAMLShapeTests {
    @Test("Each fault of ours, and what C needs of signs, is YAML of the plain kind")
    func plain() throws {
        let folder = SourceTree.underTest.faults
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.plainPath)
        where name.hasSuffix(".yaml") {
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            #expect(YAMLShape.fault(in: text) == nil, "\(name)")
        }
        for text in [
            "", "a: {b: [c, {d: e}]}", "a: b ? *c : d", "a: |\n  ? *b\n  : c", "- - - a", "a: [", "\0",
        ] {
            #expect(YAMLShape.fault(in: text) == nil, "\(text)")
        }
    }

    @Test(
        "Aliases, keys that are lists or mappings, and depths without an end are named with their line",
        arguments: [
            ("a: &x 1\nb: *x", 2, "an alias"), ("? [a]\n: b", 1, "a key that"), ("{[a]: b}", 1, "a key that"),
            ("a: 1\n? {b: c}\n: d", 2, "a key that"), ("- ? - a\n  : b", 1, "a key that"),
            (String(repeating: "[", count: 33), 1, "more than 32 levels"),
            (String(repeating: "- ", count: 33) + "a", 1, "more than 32 levels"),
        ])
    func refused(text: String, line: Int, what: String) throws {
        let fault = try #require(YAMLShape.fault(in: text), "\(text)")
        #expect(fault.line == line && fault.what.hasPrefix(what), "\(text): \(fault)")
    }

    /// Sorting such keys takes twice as long a level: an input of 1,680 bytes took 24 s.
    @Test("A file of a few lines that took for ever is refused at once")
    func forEver() throws {
        let key = String(repeating: "[", count: 30) + "a" + String(repeating: "]", count: 30)
        let other = key.replacing("a", with: "b")
        let text = ["wrong: it.", "edits: []"] + [key, key, other, other].map { "? \($0)\n: c" }
        let scratch = try Scratch()
        let file = scratch.url.appending(path: "deep.yaml")
        try Data(text.joined(separator: "\n").utf8).write(to: file)
        let failure = #expect(throws: Fault.Failure.self) { try Fault(reading: file) }
        #expect(failure?.description.contains("line 3") == true, "\(String(describing: failure))")
    }
}
