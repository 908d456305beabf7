import FrostCore
import FrostSupport
import Testing

/// A page of the guest's own.
func guestPage(_ index: UInt32) -> page_id {
    page_make(0, UInt64(index))
}

/// What lies around the pager: DRAM, the nested tables, the keys, and a guest that uses all of it.
///
/// - Shape: DRAM is sparse; a home that nobody wrote reads as junk, so a pager that opens a blank page from
///   DRAM is found out.
final class SimulatedMachine {
    let covered: UInt64
    let pager = UnsafeMutablePointer<FrostCore.pager>.allocate(capacity: 1)
    let imageCipher: FrostCipher
    let sessionCipher: FrostCipher
    var random: SplitMix64

    private(set) var dram: [UInt64: UnsafeMutableRawPointer] = [:]
    private(set) var homesAsked: Set<UInt64> = []
    private(set) var counts = Counts()
    /// The pager said that its cipher has the vector registers.
    private(set) var isCiphering = false
    /// Pages that were opened ahead, in their order.
    private(set) var openedAhead: [UInt32] = []
    /// Pages that devices may reach.
    var shared: Set<UInt32> = []
    var content: [UInt32: UInt64] = [:]
    var accessed: Set<UInt32> = []
    var dirty: Set<UInt32> = []
    var mapped: Set<UInt32> = []
    private var countersSeen: Set<UInt64> = []
    private var ciphertextsSeen: Set<[UInt64]> = []
    private let operations = UnsafeMutablePointer<pager_ops>.allocate(capacity: 1)
    private let slots: UnsafeMutablePointer<slot>
    private let buckets: UnsafeMutablePointer<slot_t>
    private let frames: UnsafeMutableRawPointer

    struct Counts: Equatable {
        var blank = 0, imaged = 0, reopened = 0, sealed = 0, dropped = 0
    }

    enum Policy: CaseIterable, Sendable {
        case clock, gclock, fifo

        var image: image_policy {
            switch self {
            case .clock: POLICY_CLOCK
            case .gclock: POLICY_GCLOCK_AHEAD
            case .fifo: POLICY_FIFO
            }
        }
    }

    init(
        covered: UInt64, slotCount: UInt32 = 24, policy: Policy = .clock, ahead: UInt32 = 1,
        random: SplitMix64
    ) {
        var random = random
        let bucketCount = pager_bucket_count(slotCount)
        self.covered = covered
        imageCipher = FrostCipher(raw: random.bytes(32))
        sessionCipher = FrostCipher(raw: random.bytes(32))
        self.random = random
        slots = .allocate(capacity: Int(slotCount))
        buckets = .allocate(capacity: Int(bucketCount))
        frames = .allocate(byteCount: Int(slotCount) * 4096, alignment: 4096)
        frames.initializeMemory(as: UInt8.self, repeating: 0xEE, count: Int(slotCount) * 4096)
        pager.initialize(to: FrostCore.pager())
        pager.pointee.geometry = page_geometry_make(covered, covered)
        pager.pointee.image_key = UnsafePointer(imageCipher.key)
        pager.pointee.session_key = UnsafePointer(sessionCipher.key)
        pager.pointee.slots = slots
        pager.pointee.buckets = buckets
        pager.pointee.frames = frames.assumingMemoryBound(to: UInt8.self)
        pager.pointee.slot_count = slotCount
        pager_use_policy(pager, policy.image, true)
        pager.pointee.ahead = ahead
        operations.initialize(to: Self.operations)
        pager.pointee.ops = UnsafePointer(operations)
        pager.pointee.context = Unmanaged.passUnretained(self).toOpaque()
        pager_start(pager)
    }

    deinit {
        dram.values.forEach { $0.deallocate() }
        pager.deallocate()
        operations.deallocate()
        slots.deallocate()
        buckets.deallocate()
        frames.deallocate()
    }

    /// The DRAM at a home.
    func home(_ home: UInt64) -> UnsafeMutableRawPointer {
        if let page = dram[home] { return page }
        let page = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
        page.initializeMemory(as: UInt8.self, repeating: 0xD3, count: 4096)
        dram[home] = page
        return page
    }

    func home(of page: page_id) -> UnsafeMutableRawPointer {
        home(page_home(&pager.pointee.geometry, page))
    }

    private static let operations = pager_ops(
        dram: { context, home in
            let machine = SimulatedMachine.from(context)
            machine.homesAsked.insert(home)
            return machine.home(home)
        },
        is_ram: { context, index in
            UInt64(index) * UInt64(PAGE_BYTES) < SimulatedMachine.from(context).covered
        },
        map: { context, slot, isAhead in
            let machine = SimulatedMachine.from(context)
            if isAhead { machine.openedAhead.append(machine.index(in: slot)) }
            #expect(machine.mapped.insert(machine.index(in: slot)).inserted, "mapped twice")
        },
        unmap: { context, slot in
            let machine = SimulatedMachine.from(context)
            return machine.unmap(machine.index(in: slot))
        },
        take_use: { context, slot in
            let machine = SimulatedMachine.from(context)
            return machine.accessed.remove(machine.index(in: slot)) == nil ? USE_NONE : USE_ACCESSED
        },
        take_back: { context, index in
            #expect(SimulatedMachine.from(context).shared.remove(index) != nil, "it was never shared")
        },
        cipher_begins: { context in
            let machine = SimulatedMachine.from(context)
            #expect(!machine.isCiphering)
            machine.isCiphering = true
        },
        cipher_ends: { context in
            let machine = SimulatedMachine.from(context)
            #expect(machine.isCiphering)
            machine.isCiphering = false
        },
        event: { context, event, page, state, _ in
            SimulatedMachine.from(context).note(event, page, state)
        })

    private static func from(_ context: UnsafeMutableRawPointer?) -> SimulatedMachine {
        guard let context else { preconditionFailure("the pager lost its context") }
        return Unmanaged.fromOpaque(context).takeUnretainedValue()
    }

    private func index(in slot: slot_t) -> UInt32 {
        page_index(slots[Int(slot)].page)
    }

    func unmap(_ index: UInt32) -> page_use {
        mapped.remove(index)
        let wasAccessed = accessed.remove(index) != nil, wasDirty = dirty.remove(index) != nil
        return page_use(
            rawValue: (wasAccessed ? USE_ACCESSED.rawValue : 0) | (wasDirty ? USE_DIRTY.rawValue : 0))
    }

    private func note(_ event: pager_event, _ page: page_id, _ state: page_state) {
        #expect(isCiphering || event == PAGER_DROPPED)
        switch (event, state) {
        case (PAGER_OPENED, PAGE_BLANK): counts.blank += 1
        case (PAGER_OPENED, PAGE_IMAGED): counts.imaged += 1
        case (PAGER_OPENED, PAGE_SEALED): counts.reopened += 1
        case (PAGER_SEALED, _): noteSeal(page)
        case (PAGER_DROPPED, _): counts.dropped += 1
        default: Issue.record("event \(event) with state \(state)")
        }
        if event != PAGER_OPENED, page_level(page) == 0 {
            #expect(!mapped.contains(page_index(page)), "evicted under the guest's feet")
        }
    }

    /// A counter, and a ciphertext, is seen once in a machine's life; and what reaches DRAM is no plaintext.
    private func noteSeal(_ page: page_id) {
        counts.sealed += 1
        #expect(countersSeen.insert(pager.pointee.counter).inserted)
        let home = UnsafeRawBufferPointer(start: home(of: page), count: 4096)
        let slot = UnsafeRawBufferPointer(start: pager_frame(pager, pager_find(pager, page)), count: 4096)
        let (sealed, plain) = (home.bindMemory(to: UInt64.self), slot.bindMemory(to: UInt64.self))
        #expect(ciphertextsSeen.insert(Array(sealed.prefix(2))).inserted)
        #expect(zip(sealed, plain).allSatisfy(!=), "plaintext in DRAM")
    }
}
