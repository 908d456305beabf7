package import FrostCore
import FrostFormat
package import FrostMachine
import Glibc

/// Holds all homes against the integrity tree, with a cipher that shares no line with the hypervisor's.
///
/// From the root down: every page that is not blank has, at its home, ciphertext whose tag verifies. A resident
/// page's entry still describes the home, so that holds for all. The machine must stand still, in the guest.
package struct TreeAudit {
    /// Homes whose tags verified, by level.
    package private(set) var verified = [Int](repeating: 0, count: Int(PAGE_LEVELS))
    /// Pages whose homes do not fit their entries. What lies below one that has no slot cannot be judged.
    package private(set) var broken: [page_id] = []
    /// Sealed pages that have no slot: what is done to their homes must be found when they are wanted again.
    package private(set) var sealedPages: [page_id] = []
    /// Entries of all pages that were reached, blank ones included where a metadata page with them was.
    package private(set) var entries: [page_id: page_entry] = [:]
    /// Homes that hold the same ciphertext as another.
    package private(set) var repeated = 0
    /// Addresses of the homes that entries describe.
    package private(set) var homes: Set<UInt64> = []

    private let view: FrozenView
    private let cipher: HomeCipher
    private var beginnings: Set<[UInt8]> = []

    private static let pageBytes = Int(PAGE_BYTES)

    /// - Throws: as the view's reader.
    package init(_ view: FrozenView) throws {
        self.view = view
        cipher = HomeCipher(
            imageKey: try view.rawKey(PAGE_IMAGED), sessionKey: try view.rawKey(PAGE_SEALED))
        try visit(page_make(view.pager.geometry.top_level, 0), view.pager.root)
    }

    package func home(_ page: page_id) -> UInt64 { view.plan.home(page) }

    /// Frames that are no page's home and hold something, the frozen region's apart.
    package func unexplained(in ram: GuestRAM) throws -> [UInt64] {
        try ram.framesInUse().filter { !homes.contains($0) && !view.plan.frozenRegion.contains($0) }
    }

    private mutating func visit(_ page: page_id, _ entry: page_entry) throws {
        entries[page] = entry
        let slot = view.slots[page]
        guard entry.state != PAGE_BLANK.rawValue || slot != nil else { return }
        var plaintext = [UInt8](repeating: 0, count: Self.pageBytes)
        if entry.state != PAGE_BLANK.rawValue {
            if let opened = try open(page, entry) {
                plaintext = opened
                verified[Int(page_level(page))] += 1
                if slot == nil && entry.state == PAGE_SEALED.rawValue { sealedPages.append(page) }
            } else {
                broken.append(page)
                if slot == nil { return }
            }
        }
        guard page_level(page) > 0 else { return }
        // What counts below is what the hypervisor goes by now: the slot, when there is one.
        if let slot { plaintext = try view.read(slot, Self.pageBytes) }
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
        let ciphertext = try view.read(home, Self.pageBytes)
        if !beginnings.insert(Array(ciphertext.prefix(16))).inserted { repeated += 1 }
        return cipher.open(page, entry, ciphertext: ciphertext)
    }
}

extension GuestRAM {
    /// Addresses of the frames that are not all zero. Below 4 GiB only.
    package func framesInUse() throws(Failure) -> [UInt64] {
        let frameBytes = Int(PAGE_BYTES), chunkBytes = 16 << 20
        let zero = [UInt8](repeating: 0, count: frameBytes)
        var frames: [UInt64] = []
        for start in stride(from: 0, to: lowBytes, by: chunkBytes) {
            let count = min(chunkBytes, Int(lowBytes - start))
            try read(at: start, count: count).withUnsafeBytes { bytes in
                for offset in stride(from: 0, to: count, by: frameBytes)
                where bytes.baseAddress.map({ memcmp($0 + offset, zero, frameBytes) != 0 }) ?? false {
                    frames.append(start + UInt64(offset))
                }
            }
        }
        return frames
    }
}
