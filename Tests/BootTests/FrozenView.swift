import FrostCore
import FrostKit
import Foundation

/// What the hypervisor's own memory says while the machine stands still: its keys, its tables, its slots.
///
/// Only a test can look there: on a machine whose cache is frozen nothing outside the CPU can.
struct FrozenView {
    let memory: GuestRAM
    let image: BootImage
    let pager: FrostCore.pager
    /// Physical addresses of the slots, by the page in each.
    let slots: [page_id: UInt64]

    private static let hypervisorBase: UInt64 = 0xFFFF_FFFF_8000_0000

    init(_ machine: RunningMachine) throws {
        memory = try machine.ram
        image = machine.image
        let base = image.plan.frozenBase
        let hypervisor = try Toolchain(tree: BootTests.tree()).buildHypervisor()
        let symbols = try Symbols(of: hypervisor.symbols)
        let at = base + (try symbols.address("pager")) - Self.hypervisorBase
        let bytes = try memory.read(at: at, count: MemoryLayout<FrostCore.pager>.size)
        let pager = bytes.withUnsafeBytes { $0.loadUnaligned(as: FrostCore.pager.self) }
        self.pager = pager

        func physical(_ pointer: UnsafeRawPointer?) -> UInt64 {
            UInt64(UInt(bitPattern: pointer)) - Self.hypervisorBase + base
        }
        let frames = physical(pager.frames)
        let count = Int(pager.slot_count)
        let table = try memory.read(at: physical(pager.slots), count: count * MemoryLayout<slot>.stride)
        slots = table.withUnsafeBytes { bytes in
            var slots: [page_id: UInt64] = [:]
            for (index, slot) in bytes.bindMemory(to: slot.self).enumerated()
            where slot.flags & SLOT_USED.rawValue != 0 {
                slots[slot.page] = frames + UInt64(index) * UInt64(PAGE_BYTES)
            }
            return slots
        }
    }

    /// The raw 32 bytes: an AES-256 key schedule begins with them.
    /// - Source: FIPS 197, section 5.2.
    func rawKey(_ state: page_state) throws -> [UInt8] {
        Array(try schedule(state).prefix(Int(GCM_KEY_BYTES)))
    }

    /// The expanded key: round keys, then powers of the hash key.
    func schedule(_ state: page_state) throws -> [UInt8] {
        let pointer = state == PAGE_IMAGED ? pager.image_key : pager.session_key
        let address = UInt64(UInt(bitPattern: pointer)) - Self.hypervisorBase + image.plan.frozenBase
        return try memory.read(at: address, count: MemoryLayout<gcm_key>.size)
    }

    /// Each 16-byte block of both expanded keys, to be searched for. Blocks of one repeated byte are left out.
    func keyBlocks() throws -> [(String, [UInt8])] {
        try [(PAGE_IMAGED, "image key"), (PAGE_SEALED, "session key")].flatMap { state, name in
            let bytes = try schedule(state)
            return stride(from: 0, to: bytes.count, by: 16).map { offset in
                ("\(name), block \(offset / 16)", Array(bytes[offset..<offset + 16]))
            }.filter { Set($0.1).count > 1 }
        }
    }
}

extension RunningMachine {
    /// Stops the machine while the guest, not the hypervisor, has the CPU: then no page is half-way.
    func pauseInGuest() throws {
        let region = image.plan.frozenBase..<image.plan.frozenEnd
        for _ in 0..<2000 {
            try pause()
            // The hypervisor's page tables lie in the frozen region; a guest's cannot.
            let line = try registers().first { $0.contains("CR3=") } ?? ""
            let digits = line.split(separator: " ").first { $0.hasPrefix("CR3=") }?.dropFirst(4) ?? ""
            guard let tables = UInt64(digits, radix: 16) else { throw Unreadable.registers(line) }
            if !region.contains(tables) && trace.hasLaunched { return }
            try resume()
        }
        throw Unreadable.neverInGuest
    }

    enum Unreadable: Error {
        case registers(String)
        case neverInGuest
        case noSymbol(String)
    }
}

/// Names and addresses of an ELF64 file. Source: System V ABI, "Symbol Table".
struct Symbols {
    private var addresses: [String: UInt64] = [:]

    init(of file: URL?) throws {
        guard let file else { throw RunningMachine.Unreadable.noSymbol("file") }
        let bytes = [UInt8](try Data(contentsOf: file))
        func number<Word: FixedWidthInteger>(_ at: Int, _: Word.Type) -> Int {
            bytes.withUnsafeBytes {
                Int(truncatingIfNeeded: $0.loadUnaligned(fromByteOffset: at, as: Word.self))
            }
        }
        let sections = number(40, UInt64.self), count = number(60, UInt16.self)
        for section in (0..<count).map({ sections + 64 * $0 }) where number(section + 4, UInt32.self) == 2 {
            let names = number(sections + 64 * number(section + 40, UInt32.self) + 24, UInt64.self)
            let start = number(section + 24, UInt64.self), length = number(section + 32, UInt64.self)
            for symbol in stride(from: start, to: start + length, by: 24) {
                let name = bytes[(names + number(symbol, UInt32.self))...].prefix { $0 != 0 }
                addresses[String(decoding: name, as: UTF8.self)] = UInt64(
                    bitPattern: Int64(number(symbol + 8, UInt64.self)))
            }
        }
    }

    func address(_ name: String) throws -> UInt64 {
        guard let address = addresses[name] else { throw RunningMachine.Unreadable.noSymbol(name) }
        return address
    }
}
