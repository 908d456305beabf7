import FrostCore
import FrostSupport
import Testing

/// A guest that arrives as an image: sealed under the image key, by the tree that make-image builds.
@Suite struct PagerImageTests {
    private let machine = SimulatedMachine(covered: 64 << 20, random: .announced("PagerImageTests"))
    private let pages: [UInt32: UInt64] = [0: 11, 1: 13, 300: 17, 16_383: 19]

    /// Seals the pages, then the metadata above them, level by level; the root goes into the pager.
    private func install(
        _ pages: [UInt32: UInt64], firstCounter: UInt64 = 1, on other: SimulatedMachine? = nil
    ) {
        let machine = other ?? machine
        var counter = firstCounter - 1
        var entries: [page_id: page_entry] = [:]
        func seal(_ page: page_id, _ plain: UnsafeRawPointer) {
            counter += 1
            var entry = page_entry()
            page_seal(
                machine.imageCipher.key, page, PAGE_IMAGED, counter, plain, machine.home(of: page), &entry)
            entries[page] = entry
        }

        for (index, content) in pages {
            machine.leave(content, at: index)
            let plain = [UInt8](
                UnsafeRawBufferPointer(start: machine.home(of: guestPage(index)), count: 4096))
            seal(guestPage(index), plain)
        }
        for _ in 0..<machine.pager.pointee.geometry.top_level {
            let children = entries
            entries = [:]
            for (parent, family) in Dictionary(grouping: children, by: { page_parent($0.key) }) {
                var metadata = [page_entry](repeating: page_entry(), count: 128)
                for (child, entry) in family { metadata[Int(page_entry_index(child))] = entry }
                seal(parent, metadata)
            }
        }
        machine.pager.pointee.root = entries[page_make(2, 0), default: page_entry()]
    }

    @Test("Imaged pages open under the image key, and blank ones between them stay blank")
    func open() {
        install(pages)
        for index in pages.keys { #expect(machine.read(index) == PAGER_OK) }
        #expect(machine.counts.imaged == 4 + 3 + 1)
        for index: UInt32 in [2, 301, 9_000] { #expect(machine.read(index) == PAGER_OK) }
        #expect(machine.counts.blank == 3 + 1)
        #expect(machine.counts.sealed == 0)
        machine.checkTables()
    }

    @Test("Two pages in a row bring those behind them, as far as there are any")
    func sequence() {
        let machine = SimulatedMachine(
            covered: 64 << 20, slotCount: 128, policy: .gclock, ahead: 8, random: .init(seed: 1))
        install([1000: 11, 1001: 13, 1002: 17, 1003: 19, 1010: 23], on: machine)
        #expect(machine.miss(1000) == [])
        machine.read(1000)
        #expect(machine.miss(1001) == [1002, 1003])
        for index in UInt32(1000)..<1004 { #expect(machine.read(index) == PAGER_OK) }
        #expect(machine.counts.blank == 0)
        machine.checkTables()
    }

    @Test("The first seal moves a page to the session key; its neighbours stay under the image key")
    func move() {
        install(pages)
        machine.write(0)
        machine.pushOut(0)
        let before = machine.counts
        #expect(machine.read(0) == PAGER_OK)
        #expect(machine.counts.reopened - before.reopened == 2, "the page and its metadata page")
        #expect(machine.read(1) == PAGER_OK)
        #expect(machine.counts.imaged - before.imaged == 1)
    }

    @Test("Equal counters under the two keys do not meet: an imaged home does not pass for a sealed one")
    func domains() {
        install(pages)
        let imaged = [UInt8](UnsafeRawBufferPointer(start: machine.home(of: guestPage(300)), count: 4096))
        machine.write(300, seed: 17)
        machine.pushOut(300)
        machine.home(of: guestPage(300)).copyMemory(from: imaged, byteCount: 4096)
        #expect(machine.fetch(300).status == PAGER_TAMPERED)
        #expect(machine.pager.pointee.failed == guestPage(300))
    }

    @Test("An image under the same key with another root is refused at the top page")
    func otherRoot() {
        install(pages)
        let root = machine.pager.pointee.root
        install(pages, firstCounter: 1_000)
        machine.pager.pointee.root = root
        #expect(machine.fetch(0).status == PAGER_TAMPERED)
        #expect(machine.pager.pointee.failed == page_make(2, 0))
        machine.checkTables()
    }

    @Test("A page that the image holds is not adopted")
    func adopt() {
        install(pages)
        var slot = slot_t.max
        #expect(pager_adopt(machine.pager, 1, &slot) == PAGER_TAMPERED)
        #expect(machine.read(1) == PAGER_OK)
    }
}
