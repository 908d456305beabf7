import CacheModel
import Foundation
import Testing

/// One way to provoke one rule: the log that `act` must leave, exactly.
struct Provocation: Sendable, CustomTestStringConvertible {
    let rule: cache_rule
    var vendor = CACHE_INTEL
    var prepare: @Sendable (SimulatedCache) -> Void = { _ in }
    let act: @Sendable (SimulatedCache) -> Void
    let log: [String]

    var testDescription: String { rule.id }
}

@Suite struct RuleTests {
    @Test(
        "A rule is named by what it does, and by nothing else",
        arguments: plain + bypassing + instructions + disabled)
    func provoke(_ provocation: Provocation) throws {
        let cache = try #require(SimulatedCache(vendor: provocation.vendor))
        provocation.prepare(cache)
        _ = cache.takeLog()
        let before = cache_rule_count(cache.model, provocation.rule)
        provocation.act(cache)
        #expect(cache.takeLog() == provocation.log)
        #expect(provocation.log.contains { $0.split(separator: " ")[1] == provocation.rule.id })
        #expect(cache_rule_count(cache.model, provocation.rule) > before)
    }

    @Test("Every rule of the table is provoked above")
    func complete() {
        let provoked = Set(
            (Self.plain + Self.bypassing + Self.instructions + Self.disabled).map(\.rule.rawValue))
        #expect(provoked == Set(0..<RULE_COUNT.rawValue))
    }

    @Test("Every rule has an id of its own, a sentence and a source")
    func texts() {
        let texts = (0..<RULE_COUNT.rawValue).map { cache_rule_text(cache_rule(rawValue: $0)).pointee }
        #expect(Set(texts.map { String(cString: $0.id) }).count == texts.count)
        for text in texts {
            #expect(String(cString: text.sentence).hasSuffix("."))
            #expect(String(cString: text.source).count > 8)
        }
        #expect(RULE_COUNT.id == "?")
    }

    @Test("The documentation's table of rules is the code's")
    func documented() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let text = try String(contentsOf: root.appending(path: "docs/design/cache-model.md"), encoding: .utf8)
        for rule in 0..<RULE_COUNT.rawValue {
            let row = cache_rule_text(cache_rule(rawValue: rule)).pointee
            let (sentence, source) = (String(cString: row.sentence), String(cString: row.source))
            #expect(text.contains("| `\(String(cString: row.id))` | \(sentence) | \(source) |\n"))
        }
    }

    static let plain: [Provocation] = [
        .init(rule: RULE_FILL, act: { $0.read(0x1008) }, log: ["fill fill 0x1000"]),
        .init(rule: RULE_FILL, act: { $0.access(ACCESS_FETCH, 0x1000) }, log: ["fill fill 0x1000"]),
        .init(rule: RULE_FILL, act: { $0.access(ACCESS_WALK, 0x1000) }, log: ["fill fill 0x1000"]),
        .init(rule: RULE_FILL, act: { $0.read(0, page: MEMORY_WT) }, log: ["fill fill 0x0"]),
        .init(rule: RULE_FILL, act: { $0.read(0, page: MEMORY_WP) }, log: ["fill fill 0x0"]),
        .init(rule: RULE_WRITE_ALLOCATE, act: { $0.write(0x1040) }, log: ["fill write-allocate 0x1040"]),
        .init(
            rule: RULE_WRITE_ALLOCATE, act: { $0.access(ACCESS_WALK_WRITE, 0x1040) },
            log: ["fill write-allocate 0x1040"]),
        .init(rule: RULE_PREFETCH, act: { $0.access(ACCESS_PREFETCH, 0x40) }, log: ["fill prefetch 0x40"]),
        .init(
            rule: RULE_REPLACE_CLEAN,
            prepare: {
                $0.read(0)
                $0.write(0x100)
            },
            act: { $0.read(0x200) }, log: ["drop replace-clean 0x0", "fill fill 0x200"]),
        .init(
            rule: RULE_REPLACE_DIRTY,
            prepare: {
                $0.write(0)
                $0.read(0x100)
            },
            act: { $0.read(0x200) }, log: ["write-back replace-dirty 0x0", "fill fill 0x200"]),
        .init(
            rule: RULE_WT_WRITE, prepare: { $0.read(0) }, act: { $0.write(8, page: MEMORY_WT) },
            log: ["write wt-write 0x8"]),
        .init(rule: RULE_WT_WRITE, act: { $0.write(0, page: MEMORY_WT) }, log: ["write wt-write 0x0"]),
        .init(
            rule: RULE_WT_MODIFIED, prepare: { $0.write(0) }, act: { $0.write(8, page: MEMORY_WT) },
            log: ["write-back wt-modified 0x0", "write wt-write 0x8"]),
        .init(rule: RULE_WP_WRITE, act: { $0.write(0, page: MEMORY_WP) }, log: ["write wp-write 0x0"]),
        .init(
            rule: RULE_WP_HIT, prepare: { $0.read(0) }, act: { $0.write(0, page: MEMORY_WP) },
            log: ["drop wp-hit 0x0", "write wp-write 0x0"]),
    ]

    static let bypassing: [Provocation] = [
        .init(rule: RULE_UC, act: { $0.read(0x10, page: MEMORY_UC) }, log: ["read uc 0x10"]),
        .init(rule: RULE_UC, act: { $0.write(0x10, page: MEMORY_UC) }, log: ["write uc 0x10"]),
        .init(
            rule: RULE_UC_HIT, prepare: { $0.write(0) }, act: { $0.read(0x10, page: MEMORY_UC) },
            log: ["write-back uc-hit 0x0", "read uc 0x10"]),
        .init(
            rule: RULE_UC_HIT, vendor: CACHE_AMD, prepare: { $0.read(0) },
            act: { $0.write(0, page: MEMORY_UC) },
            log: ["drop uc-hit 0x0", "write uc 0x0"]),
        .init(rule: RULE_WC, act: { $0.write(0, page: MEMORY_WC) }, log: ["write wc 0x0"]),
        .init(
            rule: RULE_WC_HIT, vendor: CACHE_AMD, prepare: { $0.write(0) },
            act: { $0.write(0x20, page: MEMORY_WC) },
            log: ["write-back wc-hit 0x0", "write wc 0x20"]),
        .init(rule: RULE_NT_STORE, act: { $0.access(ACCESS_NT_STORE, 0) }, log: ["write nt-store 0x0"]),
        .init(
            rule: RULE_NT_STORE, act: { $0.access(ACCESS_NT_STORE, 0, page: MEMORY_WT) },
            log: ["write nt-store 0x0"]),
        .init(
            rule: RULE_NT_HIT, prepare: { $0.write(0) }, act: { $0.access(ACCESS_NT_STORE, 0x20, bytes: 16) },
            log: ["write-back nt-hit 0x0", "write nt-store 0x20"]),
        .init(
            rule: RULE_UC, act: { $0.access(ACCESS_NT_STORE, 0, page: MEMORY_UC) }, log: ["write uc 0x0"]),
        .init(
            rule: RULE_WP_WRITE, act: { $0.access(ACCESS_NT_STORE, 0, page: MEMORY_WP) },
            log: ["write wp-write 0x0"]),
    ]

    static let dirtyAndClean: @Sendable (SimulatedCache) -> Void = {
        $0.write(0)
        $0.read(0x40)
    }

    static let instructions: [Provocation] = [
        .init(
            rule: RULE_CLFLUSH, prepare: dirtyAndClean,
            act: {
                for line: UInt64 in [0, 0x40, 0x80] { $0.access(ACCESS_CLFLUSH, line) }
            },
            log: ["write-back clflush 0x0", "drop clflush 0x40"]),
        .init(
            rule: RULE_CLFLUSH, prepare: dirtyAndClean, act: { $0.access(ACCESS_CLFLUSH, 0x3F, bytes: 8) },
            log: ["write-back clflush 0x0"]),
        .init(
            rule: RULE_CLWB, prepare: dirtyAndClean,
            act: {
                for line: UInt64 in [0, 0, 0x40, 0x80] { $0.access(ACCESS_CLWB, line) }
                $0.read(0)
            },
            log: ["write-back clwb 0x0"]),
        .init(
            rule: RULE_CLDEMOTE, prepare: dirtyAndClean, act: { $0.access(ACCESS_CLDEMOTE, 0) },
            log: ["write-back cldemote 0x0"]),
        .init(
            rule: RULE_WBINVD, prepare: dirtyAndClean, act: { cache_all($0.model, ACCESS_WBINVD, 0) },
            log: ["write-back wbinvd 0x0", "drop wbinvd 0x40"]),
        .init(
            rule: RULE_WBNOINVD, prepare: dirtyAndClean,
            act: {
                cache_all($0.model, ACCESS_WBNOINVD, 0)
                dirtyAndClean($0)
            },
            log: ["write-back wbnoinvd 0x0"]),
        .init(
            rule: RULE_INVD, vendor: CACHE_AMD, prepare: dirtyAndClean,
            act: { cache_all($0.model, ACCESS_INVD, 0) },
            log: ["lose invd 0x0", "drop invd 0x40"]),
        .init(
            rule: RULE_INVD, vendor: CACHE_AMD,
            prepare: {
                dirtyAndClean($0)
                cache_write_msr($0.model, UInt32(MSR_AMD_HWCR), ~(1 << 4))
            },
            act: { cache_all($0.model, ACCESS_INVD, 0) },
            log: ["lose invd 0x0", "drop invd 0x40"]),
        .init(
            rule: RULE_AMD_INVD_WBINVD, vendor: CACHE_AMD,
            prepare: {
                dirtyAndClean($0)
                cache_write_msr($0.model, UInt32(MSR_AMD_HWCR), 1 << 4)
            },
            act: { cache_all($0.model, ACCESS_INVD, 0) },
            log: ["write-back amd-invd-wbinvd 0x0", "drop amd-invd-wbinvd 0x40"]),
    ]

    static let disabled: [Provocation] = [
        .init(
            rule: RULE_AMD_CD, vendor: CACHE_AMD, prepare: { $0.disableCache() },
            act: {
                $0.read(0)
                $0.access(ACCESS_PREFETCH, 0)
                $0.write(0)
            },
            log: ["read amd-cd 0x0", "write amd-cd 0x0"]),
        .init(
            rule: RULE_AMD_CD_HIT, vendor: CACHE_AMD,
            prepare: {
                dirtyAndClean($0)
                $0.disableCache()
            },
            act: dirtyAndClean,
            log: [
                "write-back amd-cd-hit 0x0", "write amd-cd 0x0", "drop amd-cd-hit 0x40", "read amd-cd 0x40",
            ]),
        .init(
            rule: RULE_INTEL_NO_FILL,
            prepare: {
                dirtyAndClean($0)
                $0.disableCache()
            },
            act: {
                dirtyAndClean($0)
                $0.read(0x80)
                $0.write(0x80)
                $0.write(0x40)
                $0.access(ACCESS_CLFLUSH, 0x40)
            },
            log: ["read intel-no-fill 0x80", "write intel-no-fill 0x80", "write-back clflush 0x40"]),
        .init(
            rule: RULE_INTEL_NESTED_CD, prepare: { $0.disableCache() },
            act: { $0.access(ACCESS_READ, 0, nested: MEMORY_WB) }, log: ["read intel-nested-cd 0x0"]),
        .init(
            rule: RULE_INTEL_NESTED_CD_HIT,
            prepare: {
                $0.write(0)
                $0.disableCache()
            },
            act: { $0.access(ACCESS_READ, 0, nested: MEMORY_WB) },
            log: ["write-back intel-nested-cd-hit 0x0", "read intel-nested-cd 0x0"]),
    ]
}
