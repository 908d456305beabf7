package import FrostCore
package import FrostFormat
package import FrostMachine

/// Reads bytes of physical memory: a machine's own, or what a model says that DRAM holds.
package typealias MemoryReader = (_ address: UInt64, _ count: Int) throws -> [UInt8]

/// What the hypervisor's own memory says while the machine stands still: its keys, its tables, its slots.
///
/// Only an emulator lets one look there: on a machine whose cache is frozen nothing outside the CPU can.
///
/// - Units: physical addresses.
/// - Source: the hypervisor's own C structs, found by its symbols.
package struct FrozenView {
    package let read: MemoryReader
    package let plan: MemoryPlan
    package let pager: FrostCore.pager
    /// Addresses of the slots, by the page in each.
    package let slots: [page_id: UInt64]
    private let symbols: SymbolTable

    /// - Throws: as `read`, or ``SymbolTable/Failure``.
    package init(plan: MemoryPlan, symbols: SymbolTable, read: @escaping MemoryReader) throws {
        self.read = read
        self.plan = plan
        self.symbols = symbols
        let base = plan.frozenBase
        pager = try Self.value(at: symbols.address(SYMBOL_PAGER) - SymbolTable.hypervisorBase + base, read)

        // A run may end before there is a pager.
        guard pager.slots != nil else {
            slots = [:]
            return
        }
        let frames = Self.physical(pager.frames, base)
        let count = Int(pager.slot_count)
        let table = try read(Self.physical(pager.slots, base), count * MemoryLayout<slot>.stride)
        slots = table.withUnsafeBytes { bytes in
            var slots: [page_id: UInt64] = [:]
            for (index, slot) in bytes.bindMemory(to: slot.self).enumerated()
            where slot.flags & SLOT_USED.rawValue != 0 {
                slots[slot.page] = frames + UInt64(index) * UInt64(PAGE_BYTES)
            }
            return slots
        }
    }

    package init(_ machine: Machine, symbols: SymbolTable) throws {
        let ram = try machine.ram
        try self.init(plan: machine.image.plan, symbols: symbols) { try ram.read(at: $0, count: $1) }
    }

    private static func physical(_ pointer: UnsafeRawPointer?, _ base: UInt64) -> UInt64 {
        UInt64(UInt(bitPattern: pointer)) - SymbolTable.hypervisorBase + base
    }

    private static func value<Value>(at address: UInt64, _ read: MemoryReader) throws -> Value {
        try read(address, MemoryLayout<Value>.size).withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
    }

    /// Frames outside of the region that the nested tables lead the guest to, as the CPU walks them.
    ///
    /// - Source: AMD APM vol 2 (24593), "Nested Paging". The root is the first page of the pool, behind what is loaded.
    package func passedThrough() throws -> [UInt64] {
        try passedThrough(below: address(SYMBOL_IMAGE_END), level: 4)
    }

    private func passedThrough(below table: UInt64, level: Int) throws -> [UInt64] {
        let entries = try read(table, Int(PAGE_BYTES)).withUnsafeBytes {
            Array($0.bindMemory(to: UInt64.self))
        }
        return try entries.filter { $0 & 1 == 1 }.flatMap { entry -> [UInt64] in
            let frame = entry & 0x000F_FFFF_FFFF_F000
            guard level > 1, entry >> 7 & 1 == 0 else {
                return plan.frozenRegion.contains(frame) ? [] : [frame]
            }
            return try passedThrough(below: frame, level: level - 1)
        }
    }

    /// Where one of the hypervisor's symbols lies.
    package func address(_ name: String) throws -> UInt64 {
        try symbols.address(name) - SymbolTable.hypervisorBase + plan.frozenBase
    }

    /// One of the hypervisor's global objects, as its C type, or `count` of them in a row.
    package func objects<Value>(_ name: String, as _: Value.Type, count: Int = 1) throws -> [Value] {
        let bytes = try read(address(name), count * MemoryLayout<Value>.stride)
        return bytes.withUnsafeBytes { bytes in
            (0..<count).map {
                bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.stride, as: Value.self)
            }
        }
    }

    /// The raw 32 bytes: an AES-256 key schedule begins with them.
    /// - Source: FIPS 197, section 5.2.
    package func rawKey(_ state: page_state) throws -> [UInt8] {
        Array(try schedule(state).prefix(Int(GCM_KEY_BYTES)))
    }

    /// The expanded key: round keys, then powers of the hash key.
    package func schedule(_ state: page_state) throws -> [UInt8] {
        let pointer = state == PAGE_IMAGED ? pager.image_key : pager.session_key
        return try read(Self.physical(pointer, plan.frozenBase), MemoryLayout<gcm_key>.size)
    }

    /// Each 16-byte block of both expanded keys, to be searched for. Blocks of one repeated byte are left out.
    package func keyBlocks() throws -> [(String, [UInt8])] {
        try [(PAGE_IMAGED, "image key"), (PAGE_SEALED, "session key")].flatMap { state, name in
            let bytes = try schedule(state)
            return SecretKeys.secretOffsets.map { offset in
                ("\(name), block \(offset / 16)", Array(bytes[offset..<offset + 16]))
            }.filter { Set($0.1).count > 1 }
        }
    }
}
