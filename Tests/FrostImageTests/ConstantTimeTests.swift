import Foundation
@testable import FrostImage
import FrostSupport
import Testing

/// Whether the time of what handles keys tells anything of them, in the code that the hypervisor's flags make of it.
///
/// Valgrind judges: memcheck is told that the secret is undefined, and names each jump and each address that comes of
/// it; callgrind counts the instructions of each call. Neither sees a division's operands: these are looked for in the
/// code.
@Suite struct ConstantTimeTests {
    /// A file of hypervisor/core, or one with an edit in it that lets the secret out.
    struct Subject: Sendable, CustomTestStringConvertible {
        let file: String
        /// The program's word for what it calls.
        let call: String
        var edit: (from: String, to: String)?
        var testDescription: String { edit.map { "\(file): \($0.to)" } ?? file }
    }

    static let subjects = [Subject(file: "x25519.c", call: "x25519"), Subject(file: "kdf.c", call: "pbkdf2")]
    static let swap = "swap_if(last ^ bit, w->x_2, w->x_3);"
    static let branch = Subject(
        file: "x25519.c", call: "x25519", edit: (swap, "if (last ^ bit) swap_if(1, w->x_2, w->x_3);"))
    static let otherBranch = Subject(
        file: "kdf.c", call: "pbkdf2",
        edit: (
            "hmac->sha.block[i] ^= with;",
            "{ if (hmac->sha.block[i] & 1) bytes_wipe_frames(); hmac->sha.block[i] ^= with; }"
        ))
    static let address = Subject(
        file: "x25519.c", call: "x25519",
        edit: ("last = bit;", "last = ((const volatile uint8_t[]){0, 1})[bit];"))
    static let division = Subject(
        file: "x25519.c", call: "x25519",
        edit: ("last = bit;", "last = bit; w->e[0] = w->e[1] / (w->scalar[31] + 1u); bytes_wipe(w->e, 8);"))

    static let keys = 100

    static let hasValgrind = {
        let isThere = FileManager.default.isExecutableFile(atPath: "/usr/bin/valgrind")
        if !isThere { print("SKIP constant time: no Valgrind here (apt-get install -y valgrind)") }
        return isThere
    }()

    @Test("No division, no indirect jump", arguments: subjects)
    func instructions(subject: Subject) throws {
        #expect(try Self.withProgram(subject) { try Self.suspects(in: $0.source) } == [])
    }

    @Test("A division by the secret is found")
    func divisionControl() throws {
        let found = try Self.withProgram(Self.division) { try Self.suspects(in: $0.source) }
        #expect(found.contains { $0.hasPrefix("div") })
    }

    private static func suspects(in source: URL) throws -> [String] {
        try KernelCodeTests.functions(of: source).values.flatMap { $0 }
            .filter { $0.contains(/^i?div|^(jmp|call)q?\s+\*/) }
    }

    @Test("No jump and no address comes of the secret", .enabled(if: hasValgrind), arguments: subjects)
    func undefined(subject: Subject) throws {
        #expect(try Self.withProgram(subject, Self.jumpsAndAddresses) == [])
    }

    @Test(
        "A branch on the secret is found, and changes the number of instructions", .enabled(if: hasValgrind),
        arguments: [branch, otherBranch])
    func branchControl(subject: Subject) throws {
        let found = try Self.withProgram(subject, Self.jumpsAndAddresses)
        #expect(found.contains { $0.contains("Conditional jump or move depends on uninitialised") })
        let counts = try Self.withProgram(subject, Self.instructionCounts)
        #expect(counts.count == Self.keys)
        #expect(Set(counts).count > 1)
    }

    @Test("An address that comes of the secret is found", .enabled(if: hasValgrind))
    func addressControl() throws {
        let found = try Self.withProgram(Self.address, Self.jumpsAndAddresses)
        #expect(found.contains { $0.contains("Use of uninitialised value of size 8") })
    }

    @Test(
        "100 random keys take the same number of instructions", .enabled(if: hasValgrind), arguments: subjects
    )
    func counts(subject: Subject) throws {
        let counts = try Self.withProgram(subject, Self.instructionCounts)
        #expect(counts.count == Self.keys)
        #expect(Set(counts).count == 1)
        print("\(subject.file): \(counts.first ?? 0) instructions")
    }

    // MARK: the program

    private struct Program {
        let folder: URL
        let source: URL
        let executable: URL
        let call: String
    }

    /// The file under test as the hypervisor has it, in a program of this host's.
    private static func withProgram<Result>(
        _ subject: Subject, _ body: (Program) throws -> Result
    ) throws -> Result {
        let tree = try SourceTree()
        let folder = FileManager.default.temporaryDirectory.appending(path: "frost-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let core = tree.hypervisor.appending(path: "core")
        var objects: [String] = []
        for file in ["x25519.c", "kdf.c", "bytes.c"] {
            var text = try String(contentsOf: core.appending(path: file), encoding: .utf8)
            if file == subject.file, let edit = subject.edit {
                try #require(text.ranges(of: edit.from).count == 1)
                text = text.replacing(edit.from, with: edit.to)
            }
            let source = folder.appending(path: file)
            try Data(text.utf8).write(to: source)
            objects.append(source.plainPath + ".o")
            try Tool.clang.run(
                Toolchain.compilerFlags
                    + ["-mcmodel=kernel", "-I", tree.coreHeaders.plainPath, "-c", source.plainPath, "-o"]
                    + objects.suffix(1),
                for: "compile \(file)")
        }
        let program = Program(
            folder: folder, source: folder.appending(path: subject.file),
            executable: folder.appending(path: "program"), call: subject.call)
        guard hasValgrind else { return try body(program) }
        // Debian 12's Valgrind gives up where debugging information is of DWARF 5. Bound late, the first call of memset
        // would be a longer one.
        let main = folder.appending(path: "main.c")
        try Data(Self.main.utf8).write(to: main)
        try Tool.clang.run(
            [
                "-std=gnu23", "-O1", "-no-pie", "-Wl,--strip-debug,-z,now", "-I", tree.coreHeaders.plainPath,
                main.plainPath,
            ] + objects
                + ["-o", program.executable.plainPath],
            for: "link the program")
        return try body(program)
    }

    private static func jumpsAndAddresses(_ program: Program) throws -> [String] {
        try valgrind(program, ["--tool=memcheck", "--leak-check=no"]).split(separator: "\n").map(String.init)
            .filter { $0.contains("uninitialised") }
    }

    private static func instructionCounts(_ program: Program) throws -> [Int] {
        let output = program.folder.appending(path: "counts")
        _ = try valgrind(
            program,
            [
                "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=secret_call",
                "--callgrind-out-file=\(output.plainPath)",
            ])
        return try (1...keys).map { key in
            let text = try String(contentsOfFile: "\(output.plainPath).\(key)", encoding: .utf8)
            let total = try #require(text.firstMatch(of: /(?m)^(?:totals|summary): ([0-9]+)/))
            return try #require(Int(total.1))
        }
    }

    private static func valgrind(_ program: Program, _ arguments: [String]) throws -> String {
        let seed = UInt64.random(in: 1...UInt64.max)
        print("constant time: seed \(seed)")
        let said = try ChildProcess(
            URL(filePath: "/usr/bin/valgrind"),
            arguments + [program.executable.plainPath, program.call, "\(seed)", "\(keys)"]
        ).collect()
        try #require(said.end.isSuccess, "\(String(decoding: said.error, as: UTF8.self))")
        return String(decoding: said.error, as: UTF8.self)
    }

    /// Lengths, points and salts are public, and so is what comes out, to this program.
    private static let main = """
        #include <stdlib.h>
        #include <string.h>
        #include <valgrind/callgrind.h>
        #include <valgrind/memcheck.h>
        #include "kdf.h"
        #include "x25519.h"

        static uint64_t state;

        static void random_fill(uint8_t *bytes, size_t count)
        {
            for (size_t i = 0; i < count; i++) {
                state = state * 6364136223846793005 + 1442695040888963407;
                bytes[i] = (uint8_t)(state >> 56);
            }
        }

        __attribute__((noinline))
        static void secret_call(const char *name, const uint8_t secret[32], const uint8_t other[32], uint8_t out[32])
        {
            static struct x25519 work;
            static struct pbkdf2 derivation;

            if (name[0] == 'x') {
                bool is_secret = x25519_multiply(&work, secret, other, out);
                VALGRIND_MAKE_MEM_DEFINED(&is_secret, sizeof is_secret);
                if (!is_secret)
                    abort();
            } else {
                pbkdf2_sha256(&derivation, secret, 32, other, 32, 3, out);
            }
        }

        int main(int argc, char **argv)
        {
            if (argc != 4)
                return 1;
            state = strtoull(argv[2], 0, 10);
            for (int i = atoi(argv[3]); i > 0; i--) {
                uint8_t secret[32], other[32], out[32];

                random_fill(secret, 32);
                random_fill(other, 32);
                VALGRIND_MAKE_MEM_UNDEFINED(secret, sizeof secret);
                secret_call(argv[1], secret, other, out);
                CALLGRIND_DUMP_STATS;
            }
            return 0;
        }
        """
}
