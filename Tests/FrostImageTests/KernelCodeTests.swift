import Foundation
@testable import FrostImage
import FrostSupport
import Testing

/// What the cipher kernels became, as the hypervisor's compiler flags make them.
@Suite struct KernelCodeTests {
    struct Source: Sendable, CustomTestStringConvertible {
        let path: String
        /// Functions in which the secret is under way: they may not call anything.
        let kernels: Set<String>
        var testDescription: String { path }
    }

    static let sources = [
        Source(path: "hypervisor/core/gcm_aesni.c", kernels: ["gcm_aesni_seal", "gcm_aesni_open"]),
        Source(path: "hypervisor/core/gcm_vaes256.c", kernels: ["seal_groups", "open_groups"]),
        Source(path: "hypervisor/core/gcm_vaes512.c", kernels: ["seal_groups", "open_groups"]),
        Source(path: "hypervisor/core/gcm_narrow.c", kernels: []),
        Source(path: "Sources/VectorCipher/swap.c", kernels: ["swap_page"]),
    ]

    @Test("No kernel stores a vector on the stack, and none calls", arguments: sources)
    func kernels(source: Source) throws {
        let functions = try Self.functions(of: SourceTree().root.appending(path: source.path))
        #expect(source.kernels.isSubset(of: functions.keys))
        for (name, code) in functions {
            #expect(Self.stackStores(code) == [], "\(name)")
            if source.kernels.contains(name) { #expect(Self.calls(code) == [], "\(name)") }
            // Opmasks and tiles are the guest's, and not saved.
            #expect(!code.contains { $0.contains(/%k[0-7]|%tmm|\btile/) }, "\(name)")
        }
    }

    /// What the pager and the making of keys call, and how many registers each may have used.
    static let calls = [
        ("gcm_narrow.c", "narrow", 16), ("gcm_vaes256.c", "vaes256", 16), ("gcm_vaes512.c", "vaes512", 32),
    ]

    @Test("Each call of a kernel ends by erasing all vector registers", arguments: calls)
    func erasing(file: String, kernel: String, registers: Int) throws {
        let functions = try Self.functions(of: SourceTree().root.appending(path: "hypervisor/core/\(file)"))
        for call in ["expand", "seal", "open"] {
            let code = try #require(functions["\(kernel)_\(call)"])
            #expect(Self.erasedAtTheEnd(code) == Set(0..<registers), "\(kernel)_\(call)")
        }
        // The kernel itself erases nothing: the same search tells.
        for (name, code) in functions where name.hasSuffix("_groups") {
            #expect(Self.erasedAtTheEnd(code) == [], "\(name)")
        }
    }

    /// Numbers of the registers that are zeroed behind the last instruction that does anything else with vectors.
    private static func erasedAtTheEnd(_ code: [String]) -> Set<Int> {
        var erased: Set<Int> = []
        for instruction in code.reversed() {
            if instruction.hasPrefix("vzeroall") {
                erased.formUnion(0..<16)
            } else if let match = instruction.wholeMatch(
                of: /v?pxord?\s+%xmm([0-9]+), %xmm([0-9]+)(, %xmm([0-9]+))?/),
                match.1 == match.2, match.4 == nil || match.4 == match.1
            {
                erased.formUnion(Int(match.1).map { [$0] } ?? [])
            } else if instruction.contains(/%[xyz]mm/) {
                break
            }
        }
        return erased
    }

    /// The outermost lie above it; of the others none calls itself, so no chain of calls is deeper than all together.
    @Test("What is zeroed below a caller reaches below every frame of what handles keys")
    func deadFrames() throws {
        let core = try SourceTree().hypervisor.appending(path: "core")
        let functions = try ["x25519.c", "hpke.c", "kdf.c"].map { core.appending(path: $0) }.flatMap(
            Self.functions)
        let outermost: Set = ["hpke_make_public", "hpke_open", "pbkdf2_sha256"]
        #expect(outermost.isSubset(of: functions.map(\.key)))
        let frames = try functions.filter { !outermost.contains($0.key) }
            .map { try #require(Self.frame($0.value), "\($0.key)") }.reduce(0, +)
        let wiping = try #require(
            try Self.functions(of: core.appending(path: "bytes.c"))["bytes_wipe_frames"])
        let wiped = try #require(Self.frame(wiping))
        print("frames: at most \(frames) bytes, of which \(wiped) are zeroed")
        #expect(frames > 0 && frames <= wiped)
    }

    /// Bytes from the return address down; nil: its size is not a constant.
    private static func frame(_ code: [String]) -> Int? {
        var bytes = 8
        for instruction in code {
            if instruction.hasPrefix("push") { bytes += 8 }
            guard let match = instruction.firstMatch(of: /^(?:sub|and|add)q?\s+(.*), %rsp$/) else { continue }
            guard match.1.hasPrefix("$"), !instruction.hasPrefix("and"),
                let step = Int(
                    match.1.dropFirst().replacing("0x", with: ""), radix: match.1.contains("0x") ? 16 : 10)
            else { return nil }
            if instruction.hasPrefix("sub") { bytes += step }
        }
        return bytes
    }

    @Test("The same search finds a spilled vector and a call that are there on purpose")
    func control() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "frost-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = folder.appending(path: "control.c")
        try Data(Self.faulty.utf8).write(to: source)
        let functions = try Self.functions(of: source)

        for name in ["spills_xmm", "spills_ymm", "spills_zmm", "spills_by_frame_pointer"] {
            #expect(!Self.stackStores(try #require(functions[name])).isEmpty, "\(name)")
        }
        #expect(Self.calls(try #require(functions["calls"])).count == 1)
        let clean = try #require(functions["clean"])
        #expect(Self.stackStores(clean) == [] && Self.calls(clean) == [])
    }

    /// Every register is taken away while a vector lives: it must go to the stack.
    private static let faulty = """
        #include <immintrin.h>
        #define CLOBBER(p) \\
            p "0", p "1", p "2", p "3", p "4", p "5", p "6", p "7", p "8", p "9", p "10", p "11", p "12", p "13", \\
            p "14", p "15"
        #define CLOBBER_HIGH(p) \\
            p "16", p "17", p "18", p "19", p "20", p "21", p "22", p "23", p "24", p "25", p "26", p "27", p "28", \\
            p "29", p "30", p "31"
        #define SPILLS(name, features, type, ...) \\
            type *name(type *at); \\
            __attribute__((target(features))) type *name(type *at) \\
            { \\
                type a = *at; \\
                __asm__ volatile("" : "+x"(a)); \\
                __asm__ volatile("" : : : __VA_ARGS__); \\
                *at = a; \\
                return at; \\
            }
        SPILLS(spills_xmm, "sse2", __m128i, CLOBBER("xmm"))
        SPILLS(spills_ymm, "avx2", __m256i, CLOBBER("xmm"))
        SPILLS(spills_zmm, "avx512f", __m512i, CLOBBER("xmm"), CLOBBER_HIGH("xmm"))
        void spills_by_frame_pointer(void);
        __attribute__((naked)) void spills_by_frame_pointer(void)
        {
            __asm__("mov %rsp, %rbp\\n\\tmovups %xmm0, -16(%rbp)\\n\\tret");
        }
        void elsewhere(void);
        int calls(int a);
        int calls(int a) { elsewhere(); return a + 1; }
        void clean(__m128i *to, const __m128i *from);
        __attribute__((target("sse2"))) void clean(__m128i *to, const __m128i *from)
        {
            to[1] = _mm_add_epi32(*from, *to);
        }
        """

    /// - Returns: instructions of each function, in AT&T's order of operands: `movaps %xmm0, (%rsp)`.
    static func functions(of source: URL) throws -> [String: [String]] {
        let tree = try SourceTree()
        let object = FileManager.default.temporaryDirectory.appending(path: "frost-\(UUID().uuidString).o")
        defer { try? FileManager.default.removeItem(at: object) }
        let core = tree.hypervisor.appending(path: "core")
        let includes = [tree.coreHeaders, core, tree.root.appending(path: "Sources/VectorCipher/include")]
        try Tool.clang.run(
            Toolchain.compilerFlags + ["-mcmodel=kernel"] + includes.flatMap { ["-I", $0.plainPath] }
                + ["-c", source.plainPath, "-o", object.plainPath],
            for: "compile \(source.lastPathComponent)")
        let objdump = try Tool.clang.locate().deletingLastPathComponent().appending(path: "llvm-objdump")
        let said = try ChildProcess(objdump, ["-d", "--no-show-raw-insn", object.plainPath]).collect()
        try #require(said.end.isSuccess)

        var functions: [String: [String]] = [:]
        var name = ""
        for line in String(decoding: said.output, as: UTF8.self).split(separator: "\n") {
            if let match = line.wholeMatch(of: /[0-9a-f]+ <(.+)>:/) {
                name = String(match.1)
            } else if let match = line.wholeMatch(of: /\s*[0-9a-f]+:\s+([^#]*?)\s*(#.*)?/) {
                functions[name, default: []].append(String(match.1))
            }
        }
        return functions
    }

    private static func stackStores(_ code: [String]) -> [String] {
        let hasFrame = code.contains { $0.contains(/^(mov|lea)q?\s.*%rsp\)?, %rbp$/) }
        return code.filter { instruction in
            let stores = instruction.wholeMatch(of: /.*%[xyz]mm.*\((%rsp|%rbp)[^()]*\)(\s*\{.*\})?/)
            return stores.map { $0.1 == "%rsp" || hasFrame } ?? false
        }
    }

    private static func calls(_ code: [String]) -> [String] {
        code.filter { $0.hasPrefix("call") }
    }
}
