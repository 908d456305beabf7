import Foundation
@testable import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// Faults that are put into the hypervisor's sources: found by name, wherever the code stands, or refused by name.
@Suite("Faults") struct FaultTests {
    private static let sources = [
        "engine/svm.c": """
        #include "memory.h"
        static bool launched, is_on = true;
        static struct exit run(void);
        extern uint64_t base;

        static const struct {
            uint32_t first;
        } own[] = {
            {0x10},     /* TSC; */
        };

        [[noreturn]] static void refused(const char *why)
        {
            panic(why);
        }

        #define EACH(x) \\
            run(x)
        __attribute__((noinline))
        static struct exit run(void)
        {
            if (launched)
                enter("run(\\"{", '}');  // {
            count(1);
            count(2);
            return (struct exit){.raw = base};
        }
        """,
        "engine/vmx.c": """
        static struct exit run(void)
        {
            return enter();
        }
        """,
        "engine/enter.asm": """
        enter:              ; run:
                push    rbx
        .again: vmrun
                pop     rbx
                ret
        other:  push    rbx
        """,
        "cpu/memory.h": "void *memory_dram(uint64_t hpa);\n",
    ]

    /// The file with the fault in it.
    private static func faulty(
        _ edits: String, _ file: String = "engine/svm.c", _ sources: [String: String] = sources
    ) throws -> String {
        let scratch = try Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let hypervisor = scratch.url.appending(path: "hypervisor", directoryHint: .isDirectory)
        let texts = sources.map { ("hypervisor/\($0)", $1) }
        for (path, text) in texts + [("faults/hypervisor/test.yaml", "wrong: A test.\nedits:\n\(edits)")] {
            let file = scratch.url.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        let tree = SourceTree(root: scratch.url, hypervisor: hypervisor)
        return try Fault(named: "test", in: tree).inject(into: tree) {
            try String(contentsOf: $0.hypervisor.appending(path: file), encoding: .utf8)
        }
    }

    private static let stale =
        "The fault faults/hypervisor/test.yaml does not fit the hypervisor's sources any more: "

    private func refused(_ edits: String, _ words: String) {
        let error = #expect(throws: Fault.Failure.self) { try Self.faulty(edits) }
        #expect(error?.description == Self.stale + words)
    }

    // MARK: what is found

    @Test("A text is replaced, removed, or gets a neighbour, with its indentation")
    func places() throws {
        let text = try Self.faulty(
            """
              - {in: svm.c run, replace: count(1);, with: "a();\\nb();"}
              - {in: svm.c run, remove: "if (launched)"}
              - {in: svm.c run, after: count(2);, insert: c();}
              - {in: svm.c run, before: return, insert: d();}
            """)
        #expect(
            text.contains("    a();\n    b();\n    count(2);\n    c();\n    d();\n    return (struct exit)"))
        #expect(!text.contains("if (launched)"))
    }

    @Test(
        "Functions, objects, tables and labels are found by their names",
        arguments: [
            ("launched", "static bool launched", "launched = true", "engine/svm.c"),
            ("is_on", "is_on = true", "is_on", "engine/svm.c"),
            ("own", "own[] = {", "own[] = {{0x200},", "engine/svm.c"),
            ("refused", "panic(why);", "halt();", "engine/svm.c"),
            ("vmx.c run", "enter()", "leave()", "engine/vmx.c"),
            ("enter", "push rbx", "push rcx", "engine/enter.asm"),
            ("enter", "ret", "iretq", "engine/enter.asm"),
        ])
    func names(name: String, old: String, new: String, file: String) throws {
        let text = try Self.faulty("  - {in: \(name), replace: '\(old)', with: '\(new)'}", file)
        #expect(text.contains(new))
    }

    @Test("A function that moved to another file is found there")
    func moved() throws {
        var sources = Self.sources
        sources["devices/ports.c"] = sources.removeValue(forKey: "engine/svm.c")
        let text = try Self.faulty(
            "  - {in: refused, replace: panic(why), with: halt()}", "devices/ports.c", sources)
        #expect(text.contains("    halt();\n"))
    }

    @Test("A text is found however it is indented, wrapped and commented")
    func reformatted() throws {
        let text = try Self.faulty(
            """
              - in: svm.c run
                replace: |
                  if ( launched ) enter("run(\\"{",
                        '}' );      /* why */
                  count(1);
                with: nothing();
            """)
        #expect(text.contains("{\n    nothing();\n    count(2);"))
    }

    @Test("A header is included from wherever it is")
    func include() throws {
        let edit = "  - {in: refused, before: panic(why), insert: memory_dram(0);, include: memory.h}"
        #expect(try Self.faulty(edit).hasPrefix("#include \"cpu/memory.h\"\n#include \"memory.h\"\n"))
    }

    // MARK: what is refused

    @Test("A function that nobody defines is named")
    func unknown() {
        refused(
            "  - {in: sit, remove: x}",
            "no file of the hypervisor defines 'sit'. Where it was renamed or moved, say so after in:.")
        refused(
            "  - {in: base, remove: base}",
            "no file of the hypervisor defines 'base'. Where it was renamed or moved, say so after in:.")
        refused(
            "  - {in: vmx.c refused, remove: x}",
            "vmx.c does not define 'refused'. Where it was renamed or moved, say so after in:.")
    }

    @Test("A name with two definitions wants the file's")
    func ambiguous() {
        refused(
            "  - {in: run, remove: x}",
            "'run' is defined in svm.c and vmx.c. Say which is meant, such as in: svm.c run.")
    }

    @Test("A text that is missing, or there twice, is shown")
    func notOnce() {
        refused(
            "  - {in: svm.c run, remove: count(3);}",
            "'run' in svm.c has this text nowhere. Name one that it has once, instead of: count(3);")
        refused(
            "  - {in: svm.c run, remove: count(}",
            "'run' in svm.c has this text 2 times. Name one that it has once, instead of: count(")
        // Of its neighbour's body nothing is seen.
        refused(
            "  - {in: refused, remove: count(1)}",
            "'refused' in svm.c has this text nowhere. Name one that it has once, instead of: count(1)")
    }

    @Test("A header that is not there is named")
    func noHeader() {
        refused(
            "  - {in: refused, before: panic, insert: x();, include: dram.h}",
            "no file is named dram.h. Say after include: which header declares what the edit uses.")
    }

    @Test(
        "An edit of no known shape is refused, and the shape told",
        arguments: [
            "{remove: x}", "{in: run, replace: x}", "{in: run, remove: x, with: y}", "{in: a b c, remove: x}",
        ]
    )
    func shape(edit: String) {
        let error = #expect(throws: Fault.Failure.self) { try Self.faulty("  - \(edit)") }
        #expect(error?.description.contains("an edit says in: NAME") == true)
        #expect(error?.exitCode == .badInput)
    }

    @Test("A fault that there is not is told from those that there are")
    func unknownFault() throws {
        let tree = try SourceTree()
        let error = #expect(throws: Fault.Failure.self) { try Fault(named: "no-such", in: tree) }
        #expect(error?.exitCode == .noSuchFile)
    }

    // MARK: the repository's

    @Test("Every fault fits today's sources, and its C compiles")
    func repository() throws {
        let tree = try SourceTree()
        let faults = try Fault.all(in: tree)
        #expect(faults.count > 50)
        for fault in faults {
            do {
                try fault.inject(into: tree, Self.compile)
            } catch {
                Issue.record("\(error)")
            }
        }
    }

    /// Each C file that differs from the repository's.
    private static func compile(_ tree: SourceTree) throws {
        let origin = try SourceTree().hypervisor
        for path in try FileManager.default.subpathsOfDirectory(atPath: tree.hypervisor.plainPath) {
            let file = tree.hypervisor.appending(path: path), old = origin.appending(path: path)
            guard !file.hasDirectoryPath, file.pathExtension == "c",
                try Data(contentsOf: file) != Data(contentsOf: old)
            else { continue }
            let includes = ["-I", tree.hypervisor.plainPath, "-I", tree.coreHeaders.plainPath]
            try Tool.clang.run(
                Toolchain.compilerFlags + includes + ["-fsyntax-only", file.plainPath],
                for: "compile \(path) with the fault \(tree.fault ?? "")")
        }
    }
}
