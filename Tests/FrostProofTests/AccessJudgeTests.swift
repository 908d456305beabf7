import AccessTrace
import CacheModel
import FrostCore
import Testing

/// The rules of the debugger verdict, each broken in a made-up trace.
@Suite("Access judge") struct AccessJudgeTests {
    /// What is done in a window after the freeze, and the rules that must say so; none: it is sound.
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var rules: Set<String>
        var body: @Sendable (inout SampleTrace) -> Void

        init(
            _ name: String, _ rules: Set<String> = [], _ body: @escaping @Sendable (inout SampleTrace) -> Void
        ) {
            (testDescription, self.rules, self.body) = (name, rules, body)
        }
    }

    private static let slot = SampleTrace.slot, table = SampleTrace.table, home = SampleTrace.home
    private static let eptLeaf: UInt64 = 0x77, leaf: UInt64 = 0x67

    static let sound = [
        Row("a host that works in its region") {
            $0.access("RD", table, bytes: 8, value: 0xE01000, tag: "PML4E")
            $0.host("mov qword ptr ds:[rax], rbx")
            $0.access("WR", slot, bytes: 8)
        },
        Row("a home that is read past the cache") {
            $0.host("movdqa xmm0, xmmword ptr ds:[rax]")
            $0.access("RD", home, bytes: 16, type: "WC")
        },
        Row("a guest that misses and comes back") {
            $0.host("vmresume")
            $0.access("RD", table, bytes: 8, type: "INVALID", tag: "VMCS")
            $0.access("RD", table, bytes: 8, value: slot | eptLeaf, tag: "EPT PTE")
            $0.guest("mov rax, qword ptr ds:[rbx]")
            $0.access("RD", slot, bytes: 8)
            $0.host("push rdi")
        },
        Row("nested tables of SVM, a guest that is not told") {
            $0.host("vmrun")
            $0.access("RD", table, bytes: 8, type: "INVALID", tag: "VMCS")
            $0.access("RD", table, bytes: 8, type: "INVALID", value: slot | leaf, tag: "PTE")
            $0.unavailableGuest()
            $0.access("RD", slot, bytes: 8)
            $0.host("push rdi")
        },
        Row("a slot whose type the guest has no say in, though Bochs heeds the guest") {
            $0.host("vmresume")
            $0.access("RD", table, bytes: 8, value: slot | eptLeaf, tag: "EPT PTE")
            $0.guest("mov qword ptr ds:[rbx], rax")
            $0.access("WR", slot, bytes: 8, type: "UC")
        },
        Row("a device and video memory") {
            $0.host("vmresume")
            $0.access("RD", table, bytes: 8, value: 0xB8000 | 0x47, tag: "EPT PTE")
            $0.access("RD", table, bytes: 8, value: 0xFEC0_0000 | 0xC7, tag: "EPT PDE")
            $0.guest("mov byte ptr ds:[rdi], al")
            $0.access("WR", 0xB8000, bytes: 4, type: "UC")
        },
        Row("WBINVD that exits, and one that faults in the guest") {
            $0.host("vmresume")
            $0.guest("wbinvd")
            $0.host("push rdi")
            $0.host("vmresume")
            $0.guest("invd")
            $0.guest("push rax", at: 0x500000)
        },
    ]

    static let broken = [
        Row("code in DRAM", ["host-fetch"]) { $0.host("ret", physical: home) },
        Row("ROMs that the guest reads past its slots", ["nested-mapping"]) {
            $0.host("vmresume")
            $0.access("RD", table, bytes: 8, value: 0xF0000 | eptLeaf, tag: "EPT PTE")
            $0.guest("mov al, byte ptr ds:[rsi]")
        },
        Row("a page table in DRAM", ["host-table"]) {
            $0.access("RD", home, bytes: 8, tag: "PDE")
            $0.host("nop")
        },
        Row("an EPT table in DRAM", ["nested-table"]) {
            $0.host("vmresume")
            $0.access("RD", home, bytes: 8, tag: "EPT PDE")
        },
        Row("a nested table in DRAM", ["nested-table"]) {
            $0.host("vmrun")
            $0.access("RD", home, bytes: 8, type: "INVALID", tag: "PML4E")
        },
        Row("a VMCS in DRAM", ["control-block"]) {
            $0.host("vmread rax, rbx")
            $0.access("RD", home, bytes: 8, type: "INVALID", tag: "VMCS")
        },
        Row("an I/O bitmap in DRAM", ["control-block"]) {
            $0.host("vmresume")
            $0.guest("out dx, al")
            $0.access("RD", home, bytes: 4, type: "UC", tag: "I/O BITMAP")
        },
        Row("EPT that leads to DRAM", ["nested-mapping"]) {
            $0.access("RD", table, bytes: 8, value: home | eptLeaf, tag: "EPT PTE")
        },
        Row("EPT that leads to the hypervisor", ["nested-mapping"]) {
            $0.access("RD", table, bytes: 8, value: table | eptLeaf, tag: "EPT PTE")
        },
        Row("EPT that heeds the PAT", ["nested-mapping"]) {
            $0.access("RD", table, bytes: 8, value: slot | 0x37, tag: "EPT PTE")
        },
        Row("EPT that is uncacheable", ["nested-mapping"]) {
            $0.access("RD", table, bytes: 8, value: slot | 0x47, tag: "EPT PTE")
        },
        Row("2 MiB of DRAM at once", ["nested-mapping"]) {
            $0.access("RD", table, bytes: 8, value: home | 0xF7, tag: "EPT PDE")
        },
        Row("a nested entry that is uncacheable", ["nested-mapping"]) {
            $0.access("RD", table, bytes: 8, type: "INVALID", value: slot | leaf | 0x10, tag: "PTE")
        },
        Row("a guest that reads DRAM", ["nested-mapping"]) {
            $0.host("vmresume")
            $0.guest("mov rax, qword ptr ds:[rbx]")
            $0.access("RD", home, bytes: 8)
        },
        Row("a guest that runs in DRAM", ["nested-mapping"]) {
            $0.host("vmresume")
            $0.guest("nop", physical: home)
        },
        Row("a cacheable home, written", ["host-store"]) {
            $0.host("movdqa xmmword ptr ds:[rax], xmm0")
            $0.access("WR", home, bytes: 16)
        },
        Row("a cacheable home, read", ["wider-write-back"]) {
            $0.host("movdqa xmm0, xmmword ptr ds:[rax]")
            $0.access("RD", home, bytes: 16)
        },
        Row("an uncacheable slot", ["cache-rule:uc"]) {
            $0.host("vmrun")
            $0.access("RD", table, bytes: 8, type: "INVALID", value: slot | leaf, tag: "PTE")
            $0.guest("mov qword ptr ds:[rbx], rax")
            $0.access("WR", slot, bytes: 8, type: "UC")
        },
        Row("a write-combining slot", ["cache-rule:wc"]) { $0.access("WR", slot, bytes: 8, type: "WC") },
        Row("a write-through slot", ["cache-rule:wt-write"]) { $0.access("WR", slot, bytes: 8, type: "WT") },
        Row("a write-protected slot", ["cache-rule:wp-write"]) {
            $0.access("WR", slot, bytes: 8, type: "WP")
        },
        Row("a page table that is uncacheable", ["cache-rule:uc"]) {
            $0.access("RD", table, bytes: 8, type: "UC", tag: "PTE")
            $0.host("nop")
        },
        Row("a store past the cache", ["cache-rule:nt-store"]) {
            $0.host("vmresume")
            $0.guest("movntdq xmmword ptr ds:[rdi], xmm0")
            $0.access("WR", slot, bytes: 16)
        },
        Row("WBINVD by the hypervisor", ["cache-rule:wbinvd"]) {
            $0.host("wbinvd")
            $0.host("nop", at: 0x302)
        },
        Row("INVD that nobody intercepts", ["guest-cache-control", "cache-rule:invd"]) {
            $0.host("vmresume")
            $0.guest("invd")
            $0.guest("nop", at: 0x400002)
        },
        Row("CLFLUSH, CLWB and CLDEMOTE", ["cache-rule:clflush", "cache-rule:clwb", "cache-rule:cldemote"]) {
            $0.host("vmresume")
            for (number, name) in ["clflushopt", "clwb", "cldemote", "nop"].enumerated() {
                $0.guest("\(name) byte ptr ds:[rdi]", at: 0x400000 + 2 * UInt64(number))
            }
        },
    ]

    private static func judged(_ row: Row) -> SampleTrace.Judged? {
        var trace = SampleTrace.frozen
        trace.window(at: SampleTrace.pageSeal, row.body)
        return trace.judged()
    }

    @Test("What is sound is no violation", arguments: sound)
    func isSound(row: Row) throws {
        let judged = try #require(Self.judged(row))
        #expect(judged.rules == [])
        #expect(judged.totals.unknown_lines == 0)
    }

    @Test("Each broken rule is named, and nothing else", arguments: broken)
    func isNamed(row: Row) throws {
        let judged = try #require(Self.judged(row))
        #expect(judged.rules == row.rules)
        #expect(judged.totals.unknown_lines == 0)
    }

    @Test("A violation says where, when, by which instruction, and who had the CPU")
    func details() throws {
        var trace = SampleTrace.frozen
        trace.window(at: SampleTrace.pageSeal) {
            $0.host("vmresume")
            $0.guest("mov qword ptr ds:[rbx], rax", at: 0x401234)
            $0.access("WR", Self.home + 8, bytes: 8)
        }
        let violation = try #require(trace.judged()?.violations.first)
        #expect(violation.address == Self.home + 8)
        #expect(violation.rip == 0x401234)
        #expect(violation.mode == MODE_GUEST)
        #expect(violation.instant == 1003)
    }

    // MARK: the freeze

    @Test("A freeze that leaves a line out, and one that is not traced, are told")
    func freeze() throws {
        var trace = SampleTrace()
        trace.window(at: SampleTrace.freeze) { $0.access("WR", Self.slot, bytes: 8) }
        let judged = try #require(trace.judged())
        #expect(judged.rules == ["never-frozen"])
        #expect(judged.violations.first?.address == SampleTrace.region.lowerBound)
        #expect(judged.totals.filled_lines == 1)
        #expect(try #require(SampleTrace().judged()).totals.has_freeze == false)
        let whole = try #require(SampleTrace.frozen.judged())
        #expect(whole.totals.has_freeze && whole.totals.filled_lines == whole.totals.region_lines)
    }

    @Test("What is filled while caches are off does not count")
    func early() throws {
        var trace = SampleTrace()
        trace.window(at: SampleTrace.freeze) { trace in
            for line in stride(from: SampleTrace.region.lowerBound, to: SampleTrace.region.upperBound, by: 64)
            {
                trace.access("WR", line, bytes: 8)
            }
            trace.access("WR", Self.slot, bytes: 8, type: "UC")
        }
        #expect(try #require(trace.judged()).rules == ["never-frozen"])
    }

    // MARK: homes

    private static func home(_ trace: inout SampleTrace, value: UInt64, pages: Int = 1) {
        for offset in stride(from: 0, to: UInt64(pages) * 4096, by: 16) {
            trace.access("WR", home + offset, bytes: 16, type: "WC", value: value)
        }
    }

    @Test("A home is explained when its sealing is over, or was cut off by the window's end")
    func seals() throws {
        var trace = SampleTrace.frozen
        trace.window(at: SampleTrace.pageSeal) {
            $0.host("call .+16", at: 0x200)
            $0.host("nop", at: 0x400)
            Self.home(&$0, value: 0x1234)
            $0.host("ret", at: 0x402)
            $0.host("ret", at: 0x202)
            $0.host("nop", at: 0x500)
        }
        trace.window(at: SampleTrace.pageSeal) {
            $0.host("nop", at: 0x200)
            $0.access("WR", Self.home, bytes: 16, type: "WC", value: 1)
        }
        let judged = try #require(trace.judged())
        #expect(judged.homes.map(\.end) == [HOME_WRITTEN, HOME_CUT])
        #expect(judged.homes.map(\.written) == [4096, 16])
        #expect(judged.firstBytes.starts(with: [0x34, 0x12]))
    }

    @Test(
        "Zeroes are an erasure; a second store to a byte asks what the first was; the firmware's memory is told"
    )
    func stores() throws {
        var trace = SampleTrace.frozen
        trace.window(at: SampleTrace.freeze + 4) {
            $0.host("rep stosq qword ptr es:[rdi], rax")
            Self.home(&$0, value: 0)
            $0.host("rep movsq qword ptr es:[rdi], qword ptr ds:[rsi]")
            Self.home(&$0, value: 7)
            $0.access("WR", 0xF0000, bytes: 8, type: "UC", value: 1)
        }
        let homes = try #require(trace.judged()).homes
        #expect(homes.map(\.end) == [HOME_ERASED, HOME_WRITTEN, HOME_WRITTEN])
        #expect(homes.map(\.is_firmware) == [false, false, true])
    }

    // MARK: text

    @Test("However a trace is cut into pieces, it is judged alike", arguments: [1, 7, 100, 4096])
    func pieces(bytes: Int) throws {
        var trace = SampleTrace.frozen
        for row in Self.broken { trace.window(at: SampleTrace.pageSeal, row.body) }
        let whole = try #require(trace.judged()), cut = try #require(trace.judged(pieces: bytes))
        #expect(cut.rules == whole.rules)
        #expect(
            cut.totals.lines == whole.totals.lines && cut.totals.instructions == whole.totals.instructions)
        #expect(whole.windows.count == Self.broken.count + 1)
    }

    @Test(
        "A line that cannot be read is counted",
        arguments: [
            "[CPU0 WR]: PHY 0x000000e03000 (len=8, XX): 0x00000000 0x00000000",
            "[CPU0 WR]: PHY 0x000000e03000 (len=8, WB): 0x00000000",
            "[CPU0 WR]: PHY 0x000000e03000 (len=99, WB): 0x00000000",
            "[CPU1 WR]: PHY 0x000000e03000 (len=4, WB): 0x00000000", "(0).[12", "(0).[12] [0x000000e0",
            "(0).[12] ??? (physical address not available)",
        ])
    func unknown(line: String) throws {
        var trace = SampleTrace.frozen
        trace.window(at: SampleTrace.pageSeal) { $0.say(line) }
        #expect(try #require(trace.judged()).totals.unknown_lines == 1)
    }
}
