import CacheModel
import Testing

private let uc = MEMORY_UC
private let wc = MEMORY_WC
private let wt = MEMORY_WT
private let wp = MEMORY_WP
private let wb = MEMORY_WB

@Suite struct MemoryTypeTests {
    static let ranges = [uc, wc, wt, wb, wp]
    static let pages = [uc, MEMORY_UC_MINUS, wc, wt, wb, wp]

    /// Source: Intel SDM vol 3, "Effective Page-Level Memory Types for Pentium III and More Recent Processor
    /// Families", rows and columns in the manual's order.
    @Test("MTRR and PAT combine as Intel's table says")
    func intel() {
        let table = [
            [uc, uc, wc, uc, uc, uc],
            [uc, wc, wc, uc, wc, uc],
            [uc, uc, wc, wt, wt, wp],
            [uc, uc, wc, wt, wb, wp],
            [uc, wc, wc, wt, wp, wp],
        ]
        compare(CACHE_INTEL, table)
    }

    /// Source: AMD APM vol 2, "Combined Effect of MTRRs and PAT"; recalled, not re-read.
    @Test("MTRR and PAT combine as AMD's table says")
    func amd() {
        let cd = MEMORY_CD
        let plus = MEMORY_WC_PLUS
        let table = [
            [uc, uc, wc, uc, uc, uc],
            [cd, wc, wc, cd, wc, cd],
            [cd, cd, plus, wt, wt, cd],
            [cd, cd, plus, wt, wb, wp],
            [cd, cd, plus, cd, wp, wp],
        ]
        compare(CACHE_AMD, table)
    }

    func compare(_ vendor: cache_vendor, _ table: [[memory_type]]) {
        for (row, range) in Self.ranges.enumerated() {
            for (column, page) in Self.pages.enumerated() {
                #expect(memory_combined(vendor, range, page) == table[row][column], "\(range), \(page)")
            }
        }
    }

    func state(defType: UInt64) -> mtrr_state {
        var state = mtrr_state()
        #expect(mtrr_write(&state, UInt32(MSR_MTRR_DEF_TYPE), defType))
        return state
    }

    func type(_ state: mtrr_state, _ address: UInt64, _ vendor: cache_vendor = CACHE_INTEL) -> memory_type {
        withUnsafePointer(to: state) { mtrr_type($0, vendor, address) }
    }

    func add(_ state: inout mtrr_state, _ index: UInt32, base: UInt64, bytes: UInt64, _ type: memory_type) {
        let msr = UInt32(MSR_MTRR_PHYSBASE0) + 2 * index
        #expect(mtrr_write(&state, msr, base | UInt64(type.rawValue)))
        #expect(mtrr_write(&state, msr + 1, ~(bytes - 1) & 0xFF_FFFF_F000 | 1 << 11))
    }

    @Test("With MTRRs off all memory is uncacheable, whatever the ranges say")
    func off() {
        var state = state(defType: UInt64(wb.rawValue) | 1 << 10)
        add(&state, 0, base: 0, bytes: 1 << 30, wb)
        #expect(type(state, 0x1000) == uc)
    }

    @Test("Memory that no range covers has the default type")
    func defaultType() {
        var state = state(defType: UInt64(wt.rawValue) | 1 << 11)
        #expect(type(state, 0x1234_5678) == wt)
        add(&state, 3, base: 0x1000_0000, bytes: 0x1000_0000, wb)
        #expect(type(state, 0x0FFF_FFFF) == wt)
        #expect(type(state, 0x1000_0000) == wb)
        #expect(type(state, 0x1FFF_FFFF) == wb)
        #expect(type(state, 0x2000_0000) == wt)
        #expect(mtrr_write(&state, UInt32(MSR_MTRR_PHYSBASE0) + 7, 0xFF_F000_0000))  // its valid bit cleared
        #expect(type(state, 0x1000_0000) == wt)
    }

    @Test("Where ranges overlap, UC wins, WT beats WB, and what the manuals leave open counts as UC")
    func overlap() {
        let cases = [
            (uc, wb, uc), (wb, uc, uc), (wt, wb, wt), (wb, wt, wt), (wb, wb, wb), (wc, wc, wc), (wc, wb, uc),
            (wp, wt, uc), (uc, wc, uc),
        ]
        for (one, other, result) in cases {
            var state = state(defType: 1 << 11)
            add(&state, 0, base: 0, bytes: 1 << 30, one)
            add(&state, 5, base: 1 << 20, bytes: 1 << 20, other)
            #expect(type(state, 1 << 20) == result, "\(one), \(other)")
            #expect(type(state, 0) == one)
        }
        var state = state(defType: 1 << 11)
        for (index, one) in [wb, wt, wb].enumerated() {
            add(&state, UInt32(index), base: 0, bytes: 1 << 20, one)
        }
        #expect(type(state, 0) == wt)
    }

    @Test("Fixed ranges divide the first MiB into 64, 16 and 4 KiB, and take precedence while they are on")
    func fixed() {
        var state = state(defType: 1 << 10 | 1 << 11)
        add(&state, 0, base: 0, bytes: 1 << 30, wb)
        let all = { (type: memory_type) in UInt64(type.rawValue) &* 0x0101_0101_0101_0101 }
        #expect(mtrr_write(&state, 0x250, all(wt) & ~0xFF00))  // 10000h is UC
        #expect(mtrr_write(&state, 0x258, all(wp)))
        #expect(mtrr_write(&state, 0x259, all(wc)))
        #expect(mtrr_write(&state, 0x268, all(wt) & ~0xFF | 0x1E))  // C0000h: WB with AMD's RdMem and WrMem
        #expect(mtrr_write(&state, 0x26F, all(wb)))
        let expected: [(UInt64, memory_type)] = [
            (0, wt), (0xFFFF, wt), (0x10000, uc), (0x1FFFF, uc), (0x20000, wt), (0x7FFFF, wt), (0x80000, wp),
            (0x9FFFF, wp), (0xA0000, wc), (0xBFFFF, wc), (0xC0000, wb), (0xC1000, wt), (0xC7FFF, wt),
            (0xC8000, uc),
            (0xF7FFF, uc), (0xF8000, wb), (0xFFFFF, wb), (0x100000, wb),
        ]
        for (address, wanted) in expected {
            #expect(type(state, address) == wanted, "\(String(address, radix: 16))")
        }
        #expect(mtrr_write(&state, UInt32(MSR_MTRR_DEF_TYPE), 1 << 11))
        #expect(type(state, 0x10000) == wb)
    }

    @Test("AMD's SYSCFG can make memory above 4 GiB write-back; a range still overrides it")
    func topOfMemory() {
        var state = state(defType: 1 << 11)
        #expect(mtrr_write(&state, UInt32(MSR_AMD_SYSCFG), 1 << 22))
        #expect(mtrr_write(&state, UInt32(MSR_AMD_TOP_MEM2), 6 << 30))
        add(&state, 0, base: 5 << 30, bytes: 1 << 20, wc)
        #expect(type(state, 4 << 30, CACHE_AMD) == wb)
        #expect(type(state, 4 << 30, CACHE_INTEL) == uc)
        #expect(type(state, 6 << 30, CACHE_AMD) == uc)
        #expect(type(state, 3 << 30, CACHE_AMD) == uc)
        #expect(type(state, 5 << 30, CACHE_AMD) == wc)
    }

    @Test("A changed MTRR counts from the next access on")
    func changed() throws {
        let cache = try #require(SimulatedCache(memory: uc))
        cache.read(0x10_0000)
        cache.setRange(0, base: 0x10_0000, bytes: 0x1000, type: wb)
        cache.read(0x10_0000)
        cache.read(0x10_1000)
        #expect(cache.takeLog() == ["read uc 0x100000", "fill fill 0x100000", "read uc 0x101000"])
        #expect(!cache_write_msr(cache.model, 0x1B, 0))
        #expect(!cache_write_msr(cache.model, UInt32(MSR_AMD_SYSCFG), 0))
        #expect(!cache_write_msr(cache.model, UInt32(MSR_AMD_HWCR), 0))
    }

    @Test("Under Intel's nested paging the nested type stands in for the MTRRs")
    func nested() throws {
        let cache = try #require(SimulatedCache(memory: uc))
        cache.access(ACCESS_READ, 0, nested: wb)
        cache.access(ACCESS_WRITE, 0x40, page: wb, nested: wt)
        cache.access(ACCESS_WRITE, 0x80, page: MEMORY_UC_MINUS, nested: wb)
        #expect(cache.takeLog() == ["fill fill 0x0", "write wt-write 0x40", "write uc 0x80"])

        let amd = try #require(SimulatedCache(vendor: CACHE_AMD))
        amd.access(ACCESS_READ, 0, nested: uc)
        #expect(amd.takeLog() == ["fill fill 0x0"])
    }

    @Test("Entries of the PAT after reset are WB, WT, UC-, UC, twice")
    func pat() {
        let reset: UInt64 = 0x0007_0406_0007_0406
        let expected = [wb, wt, MEMORY_UC_MINUS, uc, wb, wt, MEMORY_UC_MINUS, uc]
        #expect((0..<8).map { pat_type(reset, $0) } == expected)
    }
}
