import Foundation
import FrostFormat
import FrostSupport
import Testing

@testable import FrostImage

/// A guest is built anew when a file that its tools read has changed, and only then.
@Suite struct BuildInputsTests {
    private let root: URL
    private let guest: URL
    private let tree: SourceTree

    /// A tree of our own, with a blank in its name: the repository's `images/common`, and its core's headers.
    init() throws {
        root = FileManager.default.temporaryDirectory
            .appending(path: "frost inputs-\(UUID().uuidString)", directoryHint: .isDirectory)
        tree = SourceTree(root: root)
        guest = tree.images.appending(path: "guest", directoryHint: .isDirectory)
        let own = try SourceTree()
        for folder in [guest, tree.coreHeaders.deletingLastPathComponent()] {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(at: own.coreHeaders, to: tree.coreHeaders)
        try FileManager.default.copyItem(at: own.commonGuestSources, to: tree.commonGuestSources)
    }

    private func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: guest.appending(path: name))
    }

    @Test(
        "A flat guest holds what incbin and %include name now",
        arguments: ["data.bin", "more.text", "../beside.bin", "../common/offered.asm"])
    func flat(name: String) throws {
        defer { try? FileManager.default.removeItem(at: root) }
        let isBinary = name.hasSuffix(".bin")
        try write("bits 16\n\(isBinary ? "incbin" : "%include") \"\(name)\"\n", to: "guest.asm")
        let source = guest.appending(path: "guest.asm")
        var builds = 0
        func build() throws -> [UInt8] {
            try Toolchain(tree: tree) { _ in builds += 1 }.buildFlat(source, from: guest)
        }
        func expected(_ text: String) -> [UInt8] { Array(text.utf8) }

        for text in ["one", "two", "one"] {
            try write(isBinary ? text : "db \"\(text)\"\n", to: name)
            #expect(try build() == expected(text))
            #expect(try build() == expected(text))
        }
        // The third is the first again.
        #expect(builds == 2)
    }

    @Test("A 64-bit guest holds what its headers say now", arguments: ["../beside.h", "word.text"])
    func linked(name: String) throws {
        defer { try? FileManager.default.removeItem(at: root) }
        try write("#include \"\(name)\"\nint main(void);\nint main(void) { return WORD; }\n", to: "guest.c")
        let source = guest.appending(path: "guest.c")
        var builds = 0
        func build() throws -> [UInt8] {
            try Toolchain(tree: tree) { _ in builds += 1 }.buildGuest([source], from: guest).bytes
        }
        try write("#define WORD 0x11223344\n", to: name)
        let first = try build()
        #expect(try build() == first)
        try write("#define WORD 0x55667788\n", to: name)
        #expect(try build() != first)
        #expect(builds == 2)
    }

    @Test("A header that a guest puts before another's is the one that counts")
    func shadowed() throws {
        defer { try? FileManager.default.removeItem(at: root) }
        try write("#define WORD 0x11223344\n", to: "../common/word.h")
        try write("#include \"word.h\"\nint main(void);\nint main(void) { return WORD; }\n", to: "guest.c")
        func build() throws -> [UInt8] {
            try Toolchain(tree: tree).buildGuest([guest.appending(path: "guest.c")], from: guest).bytes
        }
        let first = try build()
        try write("#define WORD 0x55667788\n", to: "word.h")
        #expect(try build() != first)
    }

    @Test("Two guests share what both are linked with")
    func shared() throws {
        defer { try? FileManager.default.removeItem(at: root) }
        for name in ["one", "two"] {
            try write("int main(void);\nint main(void) { return 0; } // \(name)\n", to: "\(name).c")
            let source = guest.appending(path: "\(name).c")
            _ = try Toolchain(tree: tree).buildGuest([source], from: guest)
        }
        let kept = try FileManager.default.contentsOfDirectory(atPath: tree.build.plainPath)
            .filter { !$0.hasSuffix(".inputs") }
        func count(_ prefix: String) -> Int { kept.count { $0.hasPrefix(prefix) } }
        #expect(count("guest-guest-") == 2)
        #expect(count("images_guest_one.c.o-") == 1 && count("images_guest_two.c.o-") == 1)
        #expect(count("images_common_guest.c.o-") == 1, "\(kept)")
    }

    @Test("A file is made again when source, flags, what it read or the tool is another, and only then")
    func steps() throws {
        defer { try? FileManager.default.removeItem(at: root) }
        let tool = guest.appending(path: "tool"), read = guest.appending(path: "read.h")
        let source = guest.appending(path: "source.c")
        var made = 0
        func make(flags: [String] = ["-a"]) throws {
            let output = root.appending(path: "\(UUID().uuidString)/source.o")
            try FileManager.default.createDirectory(
                at: output.deletingLastPathComponent(), withIntermediateDirectories: true)
            try BuildCache(tree: tree, tools: [tool]).make(output, from: source, flags: flags) { draft in
                made += 1
                let text = try String(contentsOf: source, encoding: .utf8)
                try Data("\(flags) \(text)".utf8).write(to: draft)
                try Data(BuildInputs.rule(for: draft, of: [source, read]).utf8)
                    .write(to: draft.appendingPathExtension("d"))
            }
            #expect(
                try String(contentsOf: output, encoding: .utf8)
                    == "\(flags) \(String(contentsOf: source, encoding: .utf8))")
            let rule = try String(contentsOf: output.appendingPathExtension("d"), encoding: .utf8)
            #expect(BuildInputs.prerequisites(of: rule) == [source, read].map(\.plainPath))
        }
        func expectOneMore(_ change: () throws -> Void = {}, flags: [String] = ["-a"]) throws {
            try change()
            let before = made
            try make(flags: flags)
            try make(flags: flags)
            #expect(made == before + 1)
        }
        for name in ["tool", "read.h", "source.c"] { try write("first", to: name) }
        try expectOneMore()
        try expectOneMore(flags: ["-b"])
        for name in ["tool", "read.h", "source.c"] { try expectOneMore({ try write("second", to: name) }) }
        #expect(made == 5)
    }

    @Test("Rules of make are read as they were written")
    func rules() {
        #expect(BuildInputs.prerequisites(of: "a.o: b.c c.h\n") == ["b.c", "c.h"])
        #expect(
            BuildInputs.prerequisites(of: "a.o: b\\ b.c \\\n  c$$.h d\\#.h\n\nb.c:\n") == [
                "b b.c", "c$.h", "d#.h",
            ])
        #expect(BuildInputs.prerequisites(of: "a\\ b.o : x.asm\n") == ["x.asm"])
        #expect(BuildInputs.prerequisites(of: "").isEmpty)
        let files = ["/a b/c$d", "/e#f"]
        let rule = BuildInputs.rule(for: URL(filePath: "/x y"), of: files.map { URL(filePath: $0) })
        #expect(BuildInputs.prerequisites(of: rule) == files)
    }
}
