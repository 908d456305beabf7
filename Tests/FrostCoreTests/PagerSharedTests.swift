import FrostCore
import FrostSupport
import Testing

/// Pages that a guest shares with devices, and takes back.
@Suite struct PagerSharedTests {
    private func machine(slotCount: UInt32 = 256, ahead: UInt32 = 8) -> SimulatedMachine {
        SimulatedMachine(covered: 64 << 20, slotCount: slotCount, ahead: ahead, random: .init(seed: 1))
    }

    private func leaveByDevice(_ machine: SimulatedMachine, at index: UInt32) {
        machine.home(of: guestPage(index)).initializeMemory(as: UInt8.self, repeating: 0x77, count: 4096)
    }

    @Test("A page is zeroes when it is shared, whatever it was: never written, written, sealed")
    func sharing() {
        let machine = machine()
        machine.write(21)
        machine.write(40)
        machine.pushOut(40)
        for index in [UInt32(3), 21, 40] {
            #expect(!machine.share(index))
            leaveByDevice(machine, at: index)
            #expect(machine.share(index))
        }
        machine.checkTables()
    }

    @Test("The tree remembers what is shared when its metadata goes to DRAM and comes back")
    func remembered() {
        let machine = machine()
        machine.share(21)
        machine.pushOut(21)
        #expect(!machine.isResident(page_parent(guestPage(21))))
        #expect(machine.share(21))
    }

    @Test("A page that is taken back is blank, and devices have lost it before it is anything else")
    func takingBack() {
        let machine = machine()
        machine.share(21)
        leaveByDevice(machine, at: 21)
        #expect(machine.read(21) == PAGER_OK)
        #expect(machine.shared.isEmpty)
        machine.pushOut(21)
        leaveByDevice(machine, at: 21)
        #expect(machine.read(21) == PAGER_OK, "a home that nobody reads: the page is blank")
        #expect(!machine.share(21))
    }

    @Test("Neighbours that are opened ahead leave a shared page alone")
    func ahead() {
        let machine = machine()
        machine.share(21)
        #expect(machine.miss(18) == [16, 17, 19, 20, 22, 23])
        #expect(machine.shared == [21])
    }

    @Test("A metadata page that claims to be shared is refused")
    func metadata() {
        let machine = machine()
        machine.pager.pointee.root.state = PAGE_SHARED.rawValue
        #expect(machine.fetch(21).status == PAGER_TAMPERED)
    }

    @Test(
        "A guest reads what it wrote, and zeroes where it shared a page meanwhile",
        arguments: SimulatedMachine.Policy.allCases)
    func model(policy: SimulatedMachine.Policy) {
        let machine = SimulatedMachine(
            covered: 64 << 20, policy: policy, random: SplitMix64.announced("shared \(policy)"))
        var taken = 0
        for _ in 0..<4_000 {
            let index = UInt32(machine.random.next() % 3) * 5_000 + UInt32(machine.random.next() % 40)
            let wasShared = machine.shared.contains(index)
            switch machine.random.next() % 8 {
            case 0...2: #expect(machine.read(index) == PAGER_OK)
            case 3, 4: #expect(machine.write(index) == PAGER_OK)
            case 5: machine.dropMapping(index)
            default:
                machine.share(index)
                leaveByDevice(machine, at: index)
            }
            if wasShared && !machine.shared.contains(index) { taken += 1 }
            machine.checkTables()
        }
        #expect(taken > 200 && machine.shared.count > 5)
    }
}
