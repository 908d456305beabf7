import FrostCore
import FrostSupport
import Testing

@Suite struct PagerTests {
    /// One, two, three and four levels of metadata; the last reaches beyond 8 GiB.
    static let sizes: [UInt64] = [100 * 4096, 64 << 20, 4 << 30, 16 << 30]

    @Test(
        "A guest reads what it wrote, in far fewer slots than pages",
        arguments: sizes, SimulatedMachine.Policy.allCases)
    func model(covered: UInt64, policy: SimulatedMachine.Policy) {
        let random = SplitMix64.announced("model \(covered) \(policy)")
        let machine = SimulatedMachine(covered: covered, policy: policy, random: random)
        let pages = UInt32(covered / 4096)
        // Three neighbourhoods: neighbours share metadata, the rest of memory does not.
        let bases = [0, pages / 2, pages - min(pages, 60)]

        for _ in 0..<3_000 {
            let near = bases[Int(machine.random.next() % 3)] + UInt32(machine.random.next() % 50)
            let index =
                machine.random.next() % 8 == 0 ? UInt32(machine.random.next() % UInt64(pages)) : near % pages
            switch machine.random.next() % 8 {
            case 0...3: #expect(machine.read(index) == PAGER_OK)
            case 4, 5: #expect(machine.write(index) == PAGER_OK)
            case 6: #expect(machine.write(index, emulated: true) == PAGER_OK)
            default: machine.dropMapping(index)
            }
            machine.checkTables()
        }
        for index in machine.content.keys { #expect(machine.read(index) == PAGER_OK) }
        #expect(machine.counts.reopened > 100 && machine.counts.sealed > 100 && machine.counts.dropped > 100)
    }

    @Test("Blank pages are never read from DRAM, and nothing is written while nobody writes")
    func blank() {
        let machine = SimulatedMachine(covered: 64 << 20, random: .init(seed: 1))
        for index in stride(from: UInt32(0), to: 16_384, by: 37) { #expect(machine.read(index) == PAGER_OK) }
        #expect(machine.homesAsked.isEmpty)
        #expect(machine.counts.sealed == 0)
        #expect(machine.counts.dropped > 400)
    }

    @Test("A page that was only read since it was opened is dropped, and its home stays as it was")
    func cleanDrop() {
        let machine = SimulatedMachine(covered: 64 << 20, random: .init(seed: 2))
        machine.write(5)
        machine.pushOut(5)
        let sealed = machine.counts.sealed
        let before = [UInt8](UnsafeRawBufferPointer(start: machine.home(of: guestPage(5)), count: 4096))

        machine.read(5)
        machine.pushOut(5)
        machine.read(5)
        #expect(machine.counts.sealed == sealed)
        #expect(before == [UInt8](UnsafeRawBufferPointer(start: machine.home(of: guestPage(5)), count: 4096)))
    }

    @Test("The same content at the same place never gives the same ciphertext twice")
    func equalPlaintexts() {
        let machine = SimulatedMachine(covered: 64 << 20, random: .init(seed: 3))
        for _ in 0..<20 {
            machine.write(9, seed: 0x1234_5678_9ABC_DEF1)
            machine.pushOut(9)
            machine.checkTables()
        }
        #expect(machine.counts.sealed >= 40)
    }

    @Test("A write that the nested tables reported before their mapping was dropped is not lost")
    func mappingDropped() {
        let machine = SimulatedMachine(covered: 64 << 20, random: .init(seed: 4))
        machine.write(7)
        machine.dropMapping(7)
        machine.pushOut(7)
        #expect(machine.read(7) == PAGER_OK)
    }

    @Test("An adopted page keeps firmware's content, and its home is left zeroed")
    func adopt() {
        let machine = SimulatedMachine(covered: 64 << 20, random: .init(seed: 5))
        machine.leave(0xF1F2_F3F4_F5F6_F7F9, at: 0)
        var slot = slot_t.max
        #expect(pager_adopt(machine.pager, 0, &slot) == PAGER_OK)
        let home = UnsafeRawBufferPointer(start: machine.home(of: guestPage(0)), count: 4096)
        #expect(home.allSatisfy { $0 == 0 })
        #expect(machine.read(0) == PAGER_OK)
        machine.pushOut(0)
        #expect(!home.allSatisfy { $0 == 0 })
        #expect(machine.read(0) == PAGER_OK)
        machine.checkTables()
    }

    @Test("A page that is resident, or was ever sealed, is not adopted")
    func adoptRefused() {
        let machine = SimulatedMachine(covered: 64 << 20, random: .init(seed: 6))
        var slot = slot_t.max
        machine.write(3)
        #expect(pager_adopt(machine.pager, 3, &slot) == PAGER_TAMPERED)
        machine.pushOut(3)
        #expect(pager_adopt(machine.pager, 3, &slot) == PAGER_TAMPERED)
        #expect(machine.pager.pointee.failed == guestPage(3))
        #expect(machine.read(3) == PAGER_OK)
    }

    @Test("The last counter is used once; then sealing is refused and the page stays")
    func counterUsedUp() {
        let machine = SimulatedMachine(covered: 100 * 4096, slotCount: 11, random: .init(seed: 7))
        machine.pager.pointee.counter = .max - 1
        for index in UInt32(0)..<10 { #expect(machine.write(index) == PAGER_OK) }
        #expect(machine.write(10) == PAGER_OK)
        #expect(machine.pager.pointee.counter == .max)
        #expect(machine.fetch(11).status == PAGER_COUNTER_USED_UP)
        machine.checkTables()
        for index in UInt32(0)..<11 where machine.isResident(guestPage(index)) { machine.read(index) }
        #expect(machine.counts.sealed == 1)
    }
}
