import FrostCore
import FrostSupport
import Testing

/// An attacker who owns DRAM: whatever stands there, the pager opens what was sealed last, or nothing.
@Suite struct PagerAttackTests {
    private let machine = SimulatedMachine(covered: 64 << 20, random: .announced("PagerAttackTests"))
    private let victim: UInt32 = 300

    private func snapshot(_ page: page_id) -> [UInt8] {
        [UInt8](UnsafeRawBufferPointer(start: machine.home(of: page), count: 4096))
    }

    private func restore(_ page: page_id, _ bytes: [UInt8]) {
        machine.home(of: page).copyMemory(from: bytes, byteCount: 4096)
    }

    /// The fetch fails on `page`, nothing of it is left in a slot, and the tables are as if nobody had asked.
    private func expectRefused(_ index: UInt32, failing page: page_id) {
        #expect(machine.fetch(index).status == PAGER_TAMPERED)
        #expect(machine.pager.pointee.failed == page)
        #expect(!machine.isResident(page))
        machine.checkTables()
    }

    @Test(
        "One changed bit, of the page or of the metadata above it, is refused; put right, it opens",
        arguments: [0, 1])
    func changedBit(level: UInt32) {
        let page = level == 0 ? guestPage(victim) : page_parent(guestPage(victim))
        for _ in 0..<20 {
            machine.write(victim)
            machine.pushOut(victim)
            let bit = Int(machine.random.next() % (8 * UInt64(PAGE_BYTES)))
            var changed = snapshot(page)
            let right = changed
            changed[bit / 8] ^= 1 << (bit % 8)
            restore(page, changed)
            expectRefused(victim, failing: page)
            restore(page, right)
            #expect(machine.read(victim) == PAGER_OK)
            machine.checkTables()
        }
    }

    @Test("An older home of the same page is refused")
    func replay() {
        machine.write(victim)
        machine.pushOut(victim)
        let old = snapshot(guestPage(victim))
        machine.write(victim)
        machine.pushOut(victim)
        restore(guestPage(victim), old)
        expectRefused(victim, failing: guestPage(victim))
    }

    @Test("An older page together with the older metadata page that described it is refused")
    func rollback() {
        let page = guestPage(victim)
        machine.write(victim)
        machine.pushOut(victim)
        let old = (snapshot(page), snapshot(page_parent(page)))
        machine.write(victim)
        machine.pushOut(victim)
        restore(page, old.0)
        restore(page_parent(page), old.1)
        expectRefused(victim, failing: page_parent(page))
    }

    @Test("All of an older DRAM is refused, by the highest page whose parent never left the frozen region")
    func rollbackOfEverything() {
        let machine = SimulatedMachine(covered: 16 << 30, random: .announced("rollbackOfEverything"))
        machine.write(victim)
        machine.pushOut(victim)
        let old = machine.dram.mapValues { [UInt8](UnsafeRawBufferPointer(start: $0, count: 4096)) }
        machine.write(victim)
        machine.pushOut(victim)
        for (home, bytes) in old { machine.home(home).copyMemory(from: bytes, byteCount: 4096) }
        #expect(machine.fetch(victim).status == PAGER_TAMPERED)
        #expect(machine.pager.pointee.failed == page_make(3, 0))
        machine.checkTables()
    }

    @Test("Two pages whose homes were exchanged are both refused")
    func splice() {
        let other = victim + 1
        machine.write(victim)
        machine.write(other)
        machine.pushOut(victim)
        machine.pushOut(other)
        let (first, second) = (snapshot(guestPage(victim)), snapshot(guestPage(other)))
        restore(guestPage(victim), second)
        restore(guestPage(other), first)
        expectRefused(victim, failing: guestPage(victim))
        expectRefused(other, failing: guestPage(other))
    }

    @Test("The slot of a refused page holds zeros")
    func nothingReleased() {
        machine.write(victim)
        machine.pushOut(victim)
        machine.read(victim + 1)
        restore(guestPage(victim), [UInt8](repeating: 0x5A, count: 4096))
        expectRefused(victim, failing: guestPage(victim))
        let free = (0..<machine.pager.pointee.slot_count).filter {
            machine.pager.pointee.slots[Int($0)].flags == 0
        }
        #expect(free.count == 1)
        #expect(free.allSatisfy { machine.words($0).allSatisfy { $0 == 0 } })
    }

    @Test("A malformed entry is refused, though only our own bug could make one", arguments: [8, 11])
    func malformedEntry(byte: Int) {
        machine.write(victim)
        machine.pushOut(victim)
        machine.read(victim + 1)
        let parent = pager_find(machine.pager, page_parent(guestPage(victim)))
        let entry = pager_frame(machine.pager, parent).advanced(by: 32 * Int(victim % 128))
        entry.storeBytes(
            of: entry.load(fromByteOffset: byte, as: UInt8.self) ^ 4, toByteOffset: byte, as: UInt8.self)
        expectRefused(victim, failing: guestPage(victim))
    }

    @Test(
        "Whatever page is said to be needed next, only pages of the guest's open",
        arguments: [0, 2, 300, 16_384, 1 << 21, (1 << 28) - 1] as [UInt32], [2, 3, 7, 15] as [UInt32])
    func foreignNext(page: UInt32, times: UInt32) {
        let machine = SimulatedMachine(
            covered: 64 << 20, slotCount: 128, policy: .gclock, ahead: 8, random: SplitMix64(seed: 1))
        machine.write(victim)
        machine.pushOut(victim)
        machine.read(victim + 1)
        let parent = pager_find(machine.pager, page_parent(guestPage(victim)))
        let entry = pager_frame(machine.pager, parent).advanced(by: 32 * Int(victim % 128))
        entry.storeBytes(of: times << PAGE_INDEX_BITS | page, toByteOffset: 12, as: UInt32.self)
        #expect(machine.miss(victim) == [])
        #expect(machine.read(victim) == PAGER_OK)
        machine.checkTables()
    }
}
