import COpenSSL
import FrostCore
import FrostKit
import Glibc

/// Holds all of DRAM against the integrity tree, with a cipher that shares no line with the hypervisor's.
///
/// From the root down: every page that is not blank has, at its home, ciphertext whose tag verifies. A resident
/// page's entry still describes the home, so that holds for all. What is not a home must be blank, or the firmware's.
struct TreeAudit {
    /// Homes whose tags verified, by level.
    var verified = [Int](repeating: 0, count: Int(PAGE_LEVELS))
    /// Pages whose homes do not fit their entries.
    var broken: [page_id] = []
    /// Sealed pages that have no slot: what is done to their homes must be found when they are wanted again.
    var sleeping: [page_id] = []
    /// Frames that are no page's home and hold something.
    var unexplained: [UInt64] = []
    /// Homes that hold the same ciphertext as another.
    var repeated = 0

    private let view: FrozenView
    private let geometry: page_geometry
    private let imageKey: [UInt8]
    private let sessionKey: [UInt8]
    private var homes: Set<UInt64> = []
    private var beginnings: Set<[UInt8]> = []

    private static let pageBytes = Int(PAGE_BYTES)

    init(_ view: FrozenView) throws {
        self.view = view
        geometry = view.pager.geometry
        imageKey = try view.rawKey(PAGE_IMAGED)
        sessionKey = try view.rawKey(PAGE_SEALED)
        try visit(page_make(geometry.top_level, 0), view.pager.root)
        let region = view.image.plan.frozenBase..<view.image.plan.frozenEnd
        unexplained = try view.memory.framesInUse().filter { !homes.contains($0) && !region.contains($0) }
    }

    func home(_ page: page_id) -> UInt64 {
        var geometry = geometry
        return page_home(&geometry, page)
    }

    private mutating func visit(_ page: page_id, _ entry: page_entry) throws {
        let slot = view.slots[page]
        guard entry.state != PAGE_BLANK.rawValue || slot != nil else { return }
        var plaintext = [UInt8](repeating: 0, count: Self.pageBytes)
        if entry.state != PAGE_BLANK.rawValue {
            guard let opened = try open(page, entry) else {
                broken.append(page)
                return
            }
            plaintext = opened
            verified[Int(page_level(page))] += 1
            if slot == nil && entry.state == PAGE_SEALED.rawValue { sleeping.append(page) }
        }
        guard page_level(page) > 0 else { return }
        // What counts below is what the hypervisor goes by now: the slot, when there is one.
        if let slot { plaintext = try view.memory.read(at: slot, count: Self.pageBytes) }
        let entries = plaintext.withUnsafeBytes { Array($0.bindMemory(to: page_entry.self)) }
        for (index, entry) in entries.enumerated() {
            let child = UInt64(page_index(page)) * UInt64(PAGE_ENTRIES) + UInt64(index)
            try visit(page_make(page_level(page) - 1, child), entry)
        }
    }

    /// The page's plaintext; nil when the tag at its home does not verify.
    private mutating func open(_ page: page_id, _ entry: page_entry) throws -> [UInt8]? {
        let home = home(page)
        homes.insert(home)
        let ciphertext = try view.memory.read(at: home, count: Self.pageBytes)
        if !beginnings.insert(Array(ciphertext.prefix(16))).inserted { repeated += 1 }
        let nonce = bigEndian(entry.state) + bigEndian(entry.counter)
        let name = littleEndian(UInt64(page_index(page))) + littleEndian(UInt64(page_level(page)))
        let tag = withUnsafeBytes(of: entry.tag) { [UInt8]($0) }
        let key = entry.state == PAGE_IMAGED.rawValue ? imageKey : sessionKey
        return Self.open(key: key, nonce: nonce, additional: name, ciphertext: ciphertext, tag: tag)
    }

    /// AES-256-GCM by OpenSSL.
    private static func open(
        key: [UInt8], nonce: [UInt8], additional: [UInt8], ciphertext: [UInt8], tag: [UInt8]
    ) -> [UInt8]? {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var tag = tag, length: Int32 = 0
        var plaintext = [UInt8](repeating: 0, count: ciphertext.count + 16)
        guard EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1,
            EVP_DecryptUpdate(context, nil, &length, additional, Int32(additional.count)) == 1,
            EVP_DecryptUpdate(context, &plaintext, &length, ciphertext, Int32(ciphertext.count)) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, &tag) == 1
        else { return nil }
        var rest = [UInt8](repeating: 0, count: 16)
        guard EVP_DecryptFinal_ex(context, &rest, &length) == 1 else { return nil }
        return Array(plaintext.prefix(ciphertext.count))
    }

    private func bigEndian<Word: FixedWidthInteger>(_ word: Word) -> [UInt8] {
        withUnsafeBytes(of: word.bigEndian) { [UInt8]($0) }
    }

    private func littleEndian<Word: FixedWidthInteger>(_ word: Word) -> [UInt8] {
        withUnsafeBytes(of: word.littleEndian) { [UInt8]($0) }
    }
}

extension GuestRAM {
    /// Addresses of the frames that are not all zero. Below 4 GiB only: machines of these tests have no more.
    func framesInUse() throws -> [UInt64] {
        let frameBytes = Int(PAGE_BYTES), chunkBytes = 16 << 20
        let zero = [UInt8](repeating: 0, count: frameBytes)
        return try stride(from: 0, to: ram.bytes, by: chunkBytes).flatMap { start in
            let count = min(chunkBytes, Int(ram.bytes - start))
            let chunk = try read(at: start, count: count)
            return chunk.withUnsafeBytes { bytes in
                stride(from: 0, to: count, by: frameBytes).filter { offset in
                    bytes.baseAddress.map { memcmp($0 + offset, zero, frameBytes) != 0 } ?? false
                }.map { start + UInt64($0) }
            }
        }
    }
}

/// What the firmware left in memory, taken before the guest's first instruction.
struct FirmwareSnapshot {
    private var frames: [UInt64: [UInt8]] = [:]
    private let tables: Range<UInt64>
    /// Option ROMs and the BIOS, whose variables change when it is called.
    private static let shadow: Range<UInt64> = 0xA0000..<0x100000

    init(_ machine: RunningMachine) throws {
        tables = machine.image.plan.frozenEnd..<machine.image.plan.ram.bytes
        for frame in try machine.ram.framesInUse() {
            frames[frame] = try machine.ram.read(at: frame, count: Int(PAGE_BYTES))
        }
    }

    /// Whether a frame holds now what the firmware put there, or is the firmware's to change.
    func explains(_ frame: UInt64, in memory: GuestRAM) throws -> Bool {
        // Low memory was taken into the tree before the guest ran, and the loader's part of it erased.
        guard frame >= Self.shadow.lowerBound, let then = frames[frame] else { return false }
        if Self.shadow.contains(frame) || tables.contains(frame) { return true }
        return try memory.read(at: frame, count: Int(PAGE_BYTES)) == then
    }
}
