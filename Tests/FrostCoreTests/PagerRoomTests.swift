import FrostCore
import FrostSupport
import Testing

/// Few slots: the pager must make progress, or say that it cannot.
@Suite struct PagerRoomTests {
    @Test("With no more slots than levels above the guest, the pager says that there is no victim")
    func noVictim() {
        let machine = SimulatedMachine(covered: 16 << 30, slotCount: 4, random: .init(seed: 1))
        #expect(machine.fetch(1).status == PAGER_NO_VICTIM)
        machine.checkTables()
        #expect(machine.fetch(4_000_000).status == PAGER_NO_VICTIM)
        machine.checkTables()
    }

    @Test("One slot more than that is enough for any page", arguments: SimulatedMachine.Policy.allCases)
    func oneMore(policy: SimulatedMachine.Policy) {
        let random = SplitMix64.announced("oneMore")
        let machine = SimulatedMachine(covered: 16 << 30, slotCount: 5, policy: policy, random: random)
        for _ in 0..<100 {
            let index = UInt32(machine.random.next() % (4 << 20))
            #expect(machine.write(index) == PAGER_OK)
            machine.checkTables()
        }
        for index in machine.content.keys { #expect(machine.read(index) == PAGER_OK) }
    }

    /// An instruction that needs `pages`: it touches them in order, starts over after each miss, and is done when
    /// it gets through without one.
    private func run(_ pages: [UInt32], on machine: SimulatedMachine) -> Int {
        var misses = 0
        while true {
            guard let missing = pages.first(where: { !machine.mapped.contains($0) }) else { break }
            for page in pages.prefix(while: { $0 != missing }) { machine.read(page) }
            #expect(machine.write(missing) == PAGER_OK)
            misses += 1
            guard misses <= 20 * pages.count else {
                Issue.record("no progress after \(misses) misses")
                break
            }
        }
        for page in pages { machine.read(page) }
        return misses
    }

    @Test(
        "24 slots suffice for an instruction that needs eleven pages under eleven metadata pages",
        arguments: SimulatedMachine.Policy.allCases)
    func progress(policy: SimulatedMachine.Policy) {
        let random = SplitMix64.announced("progress \(policy)")
        let machine = SimulatedMachine(covered: 64 << 20, policy: policy, random: random)
        var worst = 0
        for _ in 0..<200 {
            let metadata = (0..<UInt32(128)).shuffled(using: &machine.random).prefix(11)
            let pages = metadata.map { $0 * 128 + UInt32(machine.random.next() % 128) }
            worst = max(worst, run(pages, on: machine))
            machine.checkTables()
        }
        print("\(policy): at most \(worst) misses for eleven pages")
        #expect(worst <= 4 * 11)
    }

    @Test("The clock spares a page that is used again and again; first in, first out does not")
    func hotPage() {
        func opensOfHotPage(_ policy: SimulatedMachine.Policy) -> Int {
            let machine = SimulatedMachine(covered: 100 * 4096, policy: policy, random: .init(seed: 1))
            var opens = 0
            for index in UInt32(1)..<90 {
                opens += machine.isResident(guestPage(0)) ? 0 : 1
                machine.read(0)
                machine.read(index)
            }
            return opens
        }
        // Once, when all slots have just been filled and every page is marked, the clock cannot tell.
        #expect(opensOfHotPage(.clock) <= 2)
        #expect(opensOfHotPage(.fifo) >= 4)
    }

    @Test(
        "The clock ends though every page is used whenever it looks",
        arguments: [SimulatedMachine.Policy.clock, .gclock])
    func alwaysUsed(policy: SimulatedMachine.Policy) {
        let machine = SimulatedMachine(covered: 100 * 4096, policy: policy, random: .init(seed: 1))
        var operations = machine.pager.pointee.ops.pointee
        operations.take_use = { _, _ in USE_ACCESSED }
        withUnsafePointer(to: operations) {
            let own = machine.pager.pointee.ops
            machine.pager.pointee.ops = $0
            for index in UInt32(0)..<60 { #expect(machine.fetch(index).status == PAGER_OK) }
            machine.pager.pointee.ops = own
        }
        machine.checkTables()
    }

    @Test("What is used again and again outlasts a scan of many pages that are used once, if it earned that")
    func scan() {
        func survivors(_ policy: SimulatedMachine.Policy) -> Int {
            let machine = SimulatedMachine(
                covered: 64 << 20, slotCount: 40, policy: policy, random: .init(seed: 1))
            let hot = (0..<UInt32(10)).map { $0 }
            var once: UInt32 = 200
            // Three turns of the hand or so, in which the hot pages are used time and again.
            for _ in 0..<100 {
                for index in hot { machine.read(index) }
                machine.read(once)
                once += 1
            }
            for _ in 0..<60 {
                machine.read(once)
                once += 1
            }
            return hot.count { machine.isResident(guestPage($0)) }
        }
        #expect(survivors(.gclock) == 10)
        #expect(survivors(.clock) == 0)
    }

    @Test("A page that was used only when it was opened goes before one that was used later, too")
    func probation() {
        let machine = SimulatedMachine(
            covered: 64 << 20, slotCount: 20, policy: .gclock, random: .init(seed: 1))
        for index in UInt32(0)..<8 { machine.read(index) }
        machine.read(0)
        var other: UInt32 = 8
        while machine.isResident(guestPage(1)) {
            #expect(machine.isResident(guestPage(0)))
            machine.read(other)
            other += 1
            guard other < 100 else {
                Issue.record("a page that was used once stays for ever")
                return
            }
        }
        #expect(machine.isResident(guestPage(0)))
    }

    @Test(
        "Pages are found after any number of evictions, each once", arguments: [11, 24, 100, 129])
    func table(slotCount: UInt32) {
        let random = SplitMix64.announced("table \(slotCount)")
        let machine = SimulatedMachine(covered: 64 << 20, slotCount: slotCount, random: random)
        for step in 0..<4_000 {
            #expect(machine.fetch(UInt32(machine.random.next() % 16_384)).status == PAGER_OK)
            if step % 50 == 0 { machine.checkTables() }
        }
        let pager = machine.pager.pointee
        var chained = 0
        for bucket in 0..<Int(pager_bucket_count(slotCount)) {
            var slot = pager.buckets[bucket]
            while slot != slot_t.max && chained <= slotCount {
                chained += 1
                slot = pager.slots[Int(slot)].next
            }
        }
        #expect(chained == Int(pager.used))
    }
}
