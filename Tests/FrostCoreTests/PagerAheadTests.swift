import FrostCore
import FrostSupport
import Testing

/// Pages that were never written come with their neighbours.
@Suite struct PagerAheadTests {
    private func machine(slotCount: UInt32 = 256, ahead: UInt32 = 8, seed: UInt64 = 1) -> SimulatedMachine {
        SimulatedMachine(covered: 64 << 20, slotCount: slotCount, ahead: ahead, random: .init(seed: seed))
    }

    @Test("A miss of a blank page opens its whole neighbourhood, zeroed, without reading DRAM")
    func neighbourhood() {
        let machine = machine()
        #expect(machine.miss(21) == [16, 17, 18, 19, 20, 22, 23])
        #expect((UInt32(16)..<24).allSatisfy { machine.isResident(guestPage($0)) })
        #expect(!machine.isResident(guestPage(15)) && !machine.isResident(guestPage(24)))
        for index in UInt32(16)..<24 { machine.read(index) }
        #expect(machine.homesAsked.isEmpty && machine.counts.sealed == 0)
        #expect(machine.counts.blank == 8 + 2)  // and two of metadata
        machine.checkTables()
    }

    @Test("What was ever written is neither opened ahead, nor does it bring others")
    func written() {
        let machine = machine()
        machine.write(17)
        machine.pushOut(17)
        for index in UInt32(16)..<24 where machine.isResident(guestPage(index)) { machine.pushOut(index) }
        #expect(machine.miss(17) == [])
        #expect(machine.miss(18) == [16, 19, 20, 21, 22, 23])
        #expect(machine.read(17) == PAGER_OK)
    }

    @Test("With few slots to spare every page comes alone", arguments: [11, 64, 127])
    func fewSlots(slotCount: UInt32) {
        let machine = machine(slotCount: slotCount)
        #expect(machine.miss(21) == [])
        #expect(self.machine(slotCount: 128).miss(21).count == 7)
    }

    @Test("Opened ahead and never used, pages go before used ones, and nothing is sealed for them")
    func evictedFirst() {
        let machine = machine(slotCount: 128)
        let used = (0..<UInt32(60)).map { 4096 + 8 * $0 }
        for index in used { _ = machine.fetch(index) }
        machine.miss(0)
        // Used again and again, while others come.
        var other: UInt32 = 8192
        while machine.isResident(guestPage(1)) || machine.isResident(guestPage(7)) {
            for index in used + [0] { #expect(machine.isResident(guestPage(index))) }
            for index in used + [0] { machine.read(index) }
            _ = machine.fetch(other)
            other += 1
            guard other < 9000 else {
                Issue.record("pages opened ahead stay for ever")
                return
            }
        }
        #expect(machine.counts.sealed == 0)
    }

    @Test("A guest reads what it wrote, though neighbours come and go")
    func model() {
        let random = SplitMix64.announced("ahead")
        let machine = SimulatedMachine(covered: 64 << 20, slotCount: 128, ahead: 8, random: random)
        for step in 0..<4_000 {
            let index = UInt32(machine.random.next() % 600) + (machine.random.next() % 4 == 0 ? 9_000 : 0)
            if !machine.mapped.contains(index) { machine.miss(index) }
            if machine.random.next() % 3 == 0 { machine.write(index) } else { machine.read(index) }
            if step % 20 == 0 { machine.checkTables() }
        }
        for index in machine.content.keys { #expect(machine.read(index) == PAGER_OK) }
        #expect(machine.counts.sealed > 100 && machine.counts.reopened > 100 && machine.counts.dropped > 100)
    }
}
