import FrostCore
@testable import FrostFormat
import FrostSupport
import Testing

@Suite struct MemoryPlanTests {
    static let sizes: [(ram: ByteCount, frozen: ByteCount, frozenBase: UInt64)] = [
        (16 * .mebibyte, 512 * .kibibyte, 0xE0_0000),
        (64 * .mebibyte, 2 * .mebibyte, 0x3C0_0000),
        (64 * .mebibyte, 32 * .mebibyte, 0),
        (128 * .mebibyte, 8 * .mebibyte, 0x700_0000),
        (256 * .mebibyte, 8 * .mebibyte, 0xD00_0000),
        (256 * .mebibyte, 6 * .mebibyte, 0xD00_0000),
        (1 * .gibibyte, 32 * .mebibyte, 0x3A00_0000),
        (2 * .gibibyte, 8 * .mebibyte, 0x7D00_0000),
        (4 * .gibibyte, 8 * .mebibyte, 0x7D00_0000),
        (64 * .gibibyte, 256 * .mebibyte, 0x6000_0000),
    ]

    @Test(
        "The frozen region is aligned, below the firmware's tables, with its metadata right below",
        arguments: sizes)
    func places(ram: ByteCount, frozen: ByteCount, frozenBase: UInt64) throws {
        guard frozenBase != 0 else {
            #expect(throws: MemoryPlan.Failure.noRoom(frozen, ram: ram)) {
                try MemoryPlan(ram: ram, frozen: frozen)
            }
            return
        }
        let plan = try MemoryPlan(ram: ram, frozen: frozen)
        #expect(plan.frozenBase == frozenBase)
        #expect(plan.frozenEnd + ByteCount.mebibyte.bytes <= min(ram, 2 * .gibibyte).bytes)
        #expect(plan.metaBase + plan.metaBytes == plan.frozenBase)
        #expect(plan.metaBytes == page_geometry_make(plan.coveredBytes, 0).meta_bytes)
        #expect(plan.coveredBytes == (ram <= 2 * .gibibyte ? ram : ram + 2 * .gibibyte).bytes)
        #expect(plan.frozenBase.isMultiple(of: max(frozen, 2 * .mebibyte).bytes.roundedUpToPowerOfTwo))
    }

    @Test(
        "An address in a page's home leads to the page, at every level, and others to none", arguments: sizes)
    func homes(ram: ByteCount, frozen: ByteCount, frozenBase: UInt64) throws {
        guard frozenBase != 0 else { return }
        let plan = try MemoryPlan(ram: ram, frozen: frozen)
        let last = plan.coveredBytes / UInt64(PAGE_BYTES) - 1
        let roms = [ROM_BASE / PAGE_BYTES, ROM_END / PAGE_BYTES - 1].map { page_make(0, UInt64($0)) }
        let others = (0...plan.geometry.top_level).flatMap { level in
            [0, last >> (level * PAGE_ENTRIES_LOG2)].map { page_make(level, $0) }
        }
        for page in roms + others {
            let home = plan.home(page)
            #expect(plan.page(at: home) == page)
            #expect(plan.page(at: home + UInt64(PAGE_BYTES) - 1) == page)
        }
        #expect(plan.home(roms[0]) > plan.metaBase)
        #expect(plan.page(at: plan.metaBase - 1).map(page_level) == 0)
        #expect(plan.page(at: plan.metaBase + plan.metaBytes).map(page_level) == 0)
        #expect(plan.page(at: plan.coveredBytes) == nil)
    }

    @Test(
        "RAM out of range, or no multiple of 1 MiB, is refused",
        arguments: [
            15 * .mebibyte, ByteCount(0), ByteCount((64 << 20) + 4096), 65 * .gibibyte, ByteCount(.max),
        ])
    func refusesRAM(ram: ByteCount) {
        #expect(throws: MemoryPlan.Failure.ram(ram)) { try MemoryPlan(ram: ram, frozen: 2 * .mebibyte) }
    }

    @Test(
        "A frozen region out of range, or no multiple of 256 KiB, is refused",
        arguments: [
            256 * .kibibyte, ByteCount(0), ByteCount((2 << 20) + 4096), 257 * .mebibyte, ByteCount(.max),
        ])
    func refusesFrozen(frozen: ByteCount) {
        #expect(throws: MemoryPlan.Failure.frozen(frozen)) {
            try MemoryPlan(ram: 1 * .gibibyte, frozen: frozen)
        }
    }

    @Test("A frozen region of more than half of the machine is refused")
    func refusesMoreThanHalf() {
        let (ram, frozen) = (64 * ByteCount.mebibyte, 33 * ByteCount.mebibyte)
        #expect(throws: MemoryPlan.Failure.frozenLargerThanHalf(frozen, ram: ram)) {
            try MemoryPlan(ram: ram, frozen: frozen)
        }
    }

    @Test("A frozen region of seven powers of two is refused, one of six is not")
    func refusesManyParts() throws {
        let seven = 127 * MemoryPlan.frozenUnit
        #expect(throws: MemoryPlan.Failure.frozenHasManyParts(seven, parts: 7)) {
            try MemoryPlan(ram: 1 * .gibibyte, frozen: seven)
        }
        _ = try MemoryPlan(ram: 1 * .gibibyte, frozen: 126 * MemoryPlan.frozenUnit)
    }

    @Test(
        "Every failure ends in a full stop and says what to do",
        arguments: [
            MemoryPlan.Failure.ram(.mebibyte), .frozen(.mebibyte),
            .frozenLargerThanHalf(.gibibyte, ram: .gibibyte),
            .frozenHasManyParts(.mebibyte, parts: 9), .noRoom(.mebibyte, ram: .mebibyte),
        ])
    func speaks(failure: MemoryPlan.Failure) {
        #expect(failure.description.hasSuffix("."))
        #expect(failure.description.contains(". "))
        #expect(failure.exitCode == .usage)
    }
}
