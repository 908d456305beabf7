import FrostCore
import FrostFormat
import FrostSupport

/// Opens every page of an image from the root down, as the hypervisor would, and remembers what it found.
struct TreeWalk {
    var guestPages: [UInt32: [UInt8]] = [:]
    /// Pages whose tag did not verify.
    var refused: [page_id] = []
    /// Of every page's nonce; none may come twice under one key.
    var counters: [UInt64] = []
    private var homes: [UInt64: ArraySlice<UInt8>] = [:]
    private let key: CipherKey
    private let geometry: page_geometry

    init(_ image: BootImage, payload: [UInt8], key: [UInt8]) {
        self.key = CipherKey(key)
        geometry = image.plan.geometry
        var rest = payload[...]
        for run in image.runs {
            for page in 0..<UInt64(run.pages) {
                homes[run.home + page * 4096] = rest.prefix(4096)
                rest = rest.dropFirst(4096)
            }
        }
        open(page_make(geometry.top_level, 0), image.header.root)
    }

    private mutating func open(_ page: page_id, _ entry: page_entry) {
        guard entry.state != PAGE_BLANK.rawValue else { return }
        counters.append(entry.counter)
        let home = PageFrame()
        let slot = PageFrame()
        let address = withUnsafePointer(to: geometry) { page_home($0, page) }
        guard let ciphertext = homes[address] else { return refused.append(page) }
        home.set(Array(ciphertext))
        guard
            withUnsafePointer(
                to: entry,
                {
                    page_open(key.expanded, page, $0, home.memory.baseAddress, slot.memory.baseAddress)
                })
        else { return refused.append(page) }
        guard page_level(page) > 0 else { return guestPages[page_index(page)] = slot.bytes }
        for (index, child) in slot.memory.bindMemory(to: page_entry.self).enumerated() {
            open(page_make(page_level(page) - 1, UInt64(page_index(page)) * 128 + UInt64(index)), child)
        }
    }
}
