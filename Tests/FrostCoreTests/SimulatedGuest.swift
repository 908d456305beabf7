import FrostCore
import Testing

extension SimulatedMachine {
    func fetch(_ index: UInt32, willWrite: Bool = false) -> (status: pager_status, slot: slot_t) {
        var slot = slot_t.max
        let status = pager_fetch(pager, index, willWrite, &slot)
        return (status, slot)
    }

    func words(_ slot: slot_t) -> UnsafeMutableBufferPointer<UInt64> {
        UnsafeMutableRawBufferPointer(start: pager_frame(pager, slot), count: 4096).bindMemory(
            to: UInt64.self)
    }

    /// The guest misses a page that is not mapped.
    /// - Returns: its neighbours that were opened ahead.
    @discardableResult
    func miss(_ index: UInt32) -> [UInt32] {
        let before = openedAhead.count
        var wasResident = isResident(guestPage(index))
        #expect(pager_serve(pager, index, &wasResident) == PAGER_OK)
        return Array(openedAhead[before...])
    }

    /// Word `position` of a page whose content is `seed`; content 0 is the blank page.
    private func word(_ seed: UInt64, _ position: Int) -> UInt64 {
        seed == 0 ? 0 : seed &* (2 &* UInt64(position) &+ 1)
    }

    /// Reads a page, through the nested tables, and compares all of it with what was last written there.
    @discardableResult
    func read(_ index: UInt32) -> pager_status {
        let (status, slot) = fetch(index)
        guard status == PAGER_OK else { return status }
        mapped.insert(index)
        accessed.insert(index)
        let seed = content[index, default: 0]
        #expect(words(slot).enumerated().allSatisfy { $1 == word(seed, $0) }, "page \(index)")
        return status
    }

    /// Overwrites a page: as the guest does, or (`emulated`) as the hypervisor does in its stead.
    @discardableResult
    func write(_ index: UInt32, seed: UInt64? = nil, emulated: Bool = false) -> pager_status {
        let (status, slot) = fetch(index, willWrite: emulated)
        guard status == PAGER_OK else { return status }
        let seed = seed ?? random.next() | 1
        if !emulated {
            mapped.insert(index)
            accessed.insert(index)
            dirty.insert(index)
        }
        let words = words(slot)
        for position in words.indices { words[position] = word(seed, position) }
        content[index] = seed
        return status
    }

    /// The guest shares a page with devices.
    /// - Returns: whether it was shared already.
    @discardableResult
    func share(_ index: UInt32) -> Bool {
        var wasShared = false
        #expect(pager_share(pager, index, &wasShared) == PAGER_OK)
        #expect(wasShared == shared.contains(index))
        #expect(!isResident(guestPage(index)) && !mapped.contains(index))
        if !wasShared {
            let home = UnsafeRawBufferPointer(start: home(of: guestPage(index)), count: 4096)
            #expect(home.allSatisfy { $0 == 0 }, "old bytes in a shared page")
        }
        shared.insert(index)
        content[index] = 0
        return wasShared
    }

    /// A nested table is reclaimed: the mapping goes, the page stays, and so does what was seen of its use.
    func dropMapping(_ index: UInt32) {
        mapped.remove(index)
    }

    /// Content that firmware left at a page's home.
    func leave(_ seed: UInt64, at index: UInt32) {
        let words = home(of: guestPage(index)).bindMemory(to: UInt64.self, capacity: 512)
        for position in 0..<512 { words[position] = word(seed, position) }
        content[index] = seed
    }

    func isResident(_ page: page_id) -> Bool {
        pager_find(pager, page) != slot_t.max
    }

    /// Uses other pages, far away, until neither the page nor its metadata below the top is resident.
    func pushOut(_ index: UInt32) {
        let last = UInt32(covered / 4096 - 1)
        var page = guestPage(index)
        var family: [page_id] = []
        while page_level(page) < pager.pointee.geometry.top_level {
            family.append(page)
            page = page_parent(page)
        }
        var other: UInt32 = 0
        while family.contains(where: isResident) {
            other += 1
            let far = index > last / 2 ? other : last - other
            #expect(fetch(far).status == PAGER_OK)
            guard other < 2_000 else {
                Issue.record("page \(index) stays for ever")
                return
            }
        }
    }
}

// MARK: - Invariants

extension SimulatedMachine {
    /// Holds between any two calls: every resident page is found, and its parent is resident and counts it.
    func checkTables() {
        let pager = pager.pointee
        var children: [page_id: UInt16] = [:]
        var used: UInt32 = 0
        for number in 0..<pager.slot_count where pager.slots[Int(number)].flags & SLOT_USED.rawValue != 0 {
            let page = pager.slots[Int(number)].page
            used += 1
            #expect(pager_find(self.pager, page) == number)
            guard page_level(page) < pager.geometry.top_level else { continue }
            #expect(isResident(page_parent(page)))
            children[page_parent(page), default: 0] += 1
        }
        #expect(used == pager.used)
        for number in 0..<Int(pager.slot_count) {
            let slot = pager.slots[number]
            let isUsed = slot.flags & SLOT_USED.rawValue != 0
            #expect(slot.children == (isUsed ? children[slot.page, default: 0] : 0))
        }
    }
}
