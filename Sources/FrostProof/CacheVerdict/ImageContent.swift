import FrostCore
package import FrostFormat
import FrostImage
package import FrostMachine

/// An image opened from its root down with a key that was found in a run.
package struct ImageContent {
    /// Pages of the guest, back to back.
    package private(set) var plaintext: [UInt8] = []
    /// Nonce counters that were used for more than one page.
    private(set) var repeatedCounters: [UInt64] = []
    private var counters: Set<UInt64> = []
    /// Pages whose tags do not verify.
    private(set) var broken: [page_id] = []

    private let ciphertext: [UInt64: Range<Int>]
    private let payload: [UInt8]
    private let map: MemoryMap
    private let cipher: HomeCipher

    package init(_ image: BootImage, map: MemoryMap, cipher: HomeCipher) throws {
        payload = try image.payload()
        self.map = map
        self.cipher = cipher
        var homes: [UInt64: Range<Int>] = [:]
        var at = 0
        for run in image.runs {
            for page in 0..<UInt64(run.pages) {
                homes[run.home + page * UInt64(PAGE_BYTES)] = at..<at + GuestMemory.pageBytes
                at += GuestMemory.pageBytes
            }
        }
        ciphertext = homes
        visit(page_make(image.plan.geometry.top_level, 0), image.header.root)
    }

    private mutating func visit(_ page: page_id, _ entry: page_entry) {
        guard entry.state != PAGE_BLANK.rawValue else { return }
        guard entry.state == PAGE_IMAGED.rawValue, let home = map.home(of: page),
            let range = ciphertext[home],
            let opened = cipher.open(page, entry, ciphertext: Array(payload[range]))
        else {
            broken.append(page)
            return
        }
        if !counters.insert(entry.counter).inserted { repeatedCounters.append(entry.counter) }
        guard page_level(page) > 0 else {
            plaintext += opened
            return
        }
        let entries = opened.withUnsafeBytes { Array($0.bindMemory(to: page_entry.self)) }
        for (index, entry) in entries.enumerated() {
            let child = UInt64(page_index(page)) * UInt64(PAGE_ENTRIES) + UInt64(index)
            visit(page_make(page_level(page) - 1, child), entry)
        }
    }
}
