package import FrostCore
package import FrostFormat
import FrostSupport

/// Seals pages bottom up: a guest page, then the metadata pages that describe what was sealed.
package struct Sealer {
    package struct Home {
        package var address: UInt64
        package var ciphertext: [UInt8]
    }

    private let key: CipherKey
    private let geometry: page_geometry
    private var counter: UInt64 = 0
    private let plain = PageFrame()
    private let home = PageFrame()
    /// Metadata pages of the level above the one being sealed: 128 entries, by index.
    private var parents: [UInt32: [page_entry]] = [:]
    package private(set) var homes: [Home] = []

    package init(key: CipherKey, geometry: page_geometry) {
        self.key = key
        self.geometry = geometry
    }

    /// nil: a page of zeroes.
    package mutating func sealGuestPage(_ index: UInt32, _ bytes: [UInt8]?) {
        seal(page_make(0, UInt64(index)), bytes ?? [UInt8](repeating: 0, count: Int(PAGE_BYTES)))
    }

    /// Seals every metadata page that describes something, up to the top. Returns the root entry.
    package mutating func sealTree() -> page_entry {
        for level in 1...geometry.top_level {
            let pages = parents
            parents = [:]
            for (index, entries) in pages.sorted(by: { $0.key < $1.key }) {
                seal(page_make(level, UInt64(index)), entries.withUnsafeBytes { [UInt8]($0) })
            }
        }
        return parents[0]?[0] ?? page_entry()
    }

    private mutating func seal(_ page: page_id, _ bytes: [UInt8]) {
        counter += 1
        var entry = page_entry()
        plain.set(bytes)
        page_seal(
            key.expanded, page, PAGE_IMAGED, counter, plain.memory.baseAddress, home.memory.baseAddress,
            &entry)
        withUnsafePointer(to: geometry) { geometry in
            homes.append(Home(address: page_home(geometry, page), ciphertext: home.bytes))
        }
        let blank = [page_entry](repeating: page_entry(), count: Int(PAGE_ENTRIES))
        parents[page_index(page_parent(page)), default: blank][Int(page_entry_index(page))] = entry
    }
}
