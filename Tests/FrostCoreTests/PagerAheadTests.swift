import FrostCore
import FrostSupport
import Testing

/// Pages that were never written come with their neighbours, others with those that were needed next.
@Suite struct PagerAheadTests {
    private func machine(
        slotCount: UInt32 = 256, policy: SimulatedMachine.Policy = .clock, ahead: UInt32 = 8
    ) -> SimulatedMachine {
        SimulatedMachine(
            covered: 64 << 20, slotCount: slotCount, policy: policy, ahead: ahead, random: .init(seed: 1))
    }

    /// A machine whose guest wrote these pages, of which none is resident, and their metadata page is.
    private func machine(written pages: [UInt32]) -> SimulatedMachine {
        let machine = machine(slotCount: 128, policy: .gclock)
        for index in pages { machine.write(index) }
        pushOut(pages, of: machine)
        return machine
    }

    private func pushOut(_ pages: [UInt32], of machine: SimulatedMachine) {
        var far = UInt32(8192)
        while pages.contains(where: { machine.isResident(guestPage($0)) }) {
            #expect(machine.fetch(far).status == PAGER_OK)
            #expect(machine.fetch(1023).status == PAGER_OK)  // keeps the metadata page of all of them
            far += 1
        }
    }

    /// What came ahead with each page of a round, in which the guest uses all of them.
    private func round(_ pages: [UInt32], on machine: SimulatedMachine) -> [[UInt32]] {
        defer { pushOut(pages, of: machine) }
        return pages.map { index in
            let ahead = machine.mapped.contains(index) ? [] : machine.miss(index)
            #expect(machine.read(index) == PAGER_OK)
            machine.checkTables()
            return ahead
        }
    }

    @Test("What was needed after a page twice comes with it, and what was needed after that")
    func next() {
        let pages: [UInt32] = [900, 1010, 950, 970]
        let machine = machine(written: pages)
        #expect(round(pages, on: machine) == [[], [], [], []])  // needed once, when they were written
        #expect(round(pages, on: machine) == [[1010, 950, 970], [], [], []])
        #expect(round(pages, on: machine) == [[1010, 950, 970], [], [], []])
        #expect(machine.counts.dropped > 0)
    }

    @Test("No more pages come than a neighbourhood has")
    func longChain() {
        let pages = (0..<UInt32(20)).map { 900 + 5 * $0 }
        let machine = machine(written: pages)
        for _ in 0..<2 { _ = round(pages, on: machine) }
        #expect(round(pages, on: machine)[0] == Array(pages[1...8]))
    }

    @Test("What does not come after a page any more is forgotten, and what comes instead is learned")
    func changed() {
        let before: [UInt32] = [900, 1010], after: [UInt32] = [900, 950]
        let machine = machine(written: [900, 1010, 950])
        for _ in 0..<3 { _ = round(before, on: machine) }
        #expect(round(before, on: machine)[0] == [1010])
        var rounds = 0
        while round(after, on: machine)[0] != [950] {
            rounds += 1
            guard rounds < 10 else {
                Issue.record("the page that came once comes for ever")
                return
            }
        }
        #expect(rounds >= 3)
    }

    @Test("What comes with a page is authenticated as any other")
    func tampered() {
        let pages: [UInt32] = [900, 1010]
        let machine = machine(written: pages)
        for _ in 0..<3 { _ = round(pages, on: machine) }
        machine.home(of: guestPage(1010)).storeBytes(of: 0, toByteOffset: 77, as: UInt8.self)
        machine.home(of: guestPage(1010)).storeBytes(of: 1, toByteOffset: 78, as: UInt8.self)
        var wasResident = false
        #expect(pager_serve(machine.pager, 900, &wasResident) == PAGER_TAMPERED)
        #expect(machine.pager.pointee.failed == guestPage(1010))
    }

    @Test("A page that devices reach does not come with another")
    func shared() {
        let pages: [UInt32] = [900, 1010]
        let machine = machine(written: pages)
        for _ in 0..<3 { _ = round(pages, on: machine) }
        machine.share(1010)
        #expect(machine.miss(900) == [])
        #expect(machine.shared.contains(1010))
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

    @Test(
        "A guest reads what it wrote, though others come and go",
        arguments: [SimulatedMachine.Policy.clock, .gclock])
    func model(policy: SimulatedMachine.Policy) {
        let random = SplitMix64.announced("ahead")
        let machine = SimulatedMachine(
            covered: 64 << 20, slotCount: 128, policy: policy, ahead: 8, random: random)
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
