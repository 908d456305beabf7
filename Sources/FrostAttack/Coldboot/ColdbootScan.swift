import DRAMSearch
import Foundation
package import FrostSupport

/// What stands in all of DRAM at one instant after another, by searching only what has changed.
///
/// A find lies inside one page or over the border between two neighbours. What lies inside follows from that page's
/// bytes alone, what lies over a border from the bytes around it. So answers are kept by page and by border, and only
/// those are asked again whose bytes were written since: the sum is what a search of everything would say.
package final class ColdbootScan {
    let view: DRAMView
    private let attack: DRAMAttack
    private let seed: UInt64
    /// Each page and the border to the next one; nothing for those without finds.
    private var inside: [Int: [DRAMFind]] = [:]
    private var over: [Int: [DRAMFind]] = [:]
    /// How many stand in DRAM now.
    private(set) var standing: [DRAMSearchKind: Int] = [:]
    private(set) var searchedPages = 0
    /// What the attacker reads: with decay, a copy.
    private let seen: UnsafeRawBufferPointer
    private let decayed: UnsafeMutableRawBufferPointer?

    private static let pageBytes = DRAMView.pageBytes

    /// Searches all of DRAM as the view has it.
    init(_ view: DRAMView, attack: DRAMAttack, seed: UInt64) throws(Failure) {
        (self.view, self.attack, self.seed) = (view, attack, seed)
        if attack.decay.probability > 0 {
            guard let copy = Self.anonymous(bytes: view.bytes.count) else { throw .noMemory }
            (decayed, seen) = (copy, UnsafeRawBufferPointer(copy))
        } else {
            (decayed, seen) = (nil, view.bytes)
        }
        // Cells that decay to ones make something of blank pages too.
        let isBlankKept = decayed == nil || attack.decay.ground == DECAY_TO_0
        search(isBlankKept ? view.usedPages.sorted() : Array(0..<view.pageCount))
    }

    deinit {
        if let decayed { munmap(decayed.baseAddress, decayed.count) }
    }

    /// Goes to a later instant.
    func advance(to instant: UInt64) throws {
        search(try view.advance(to: instant))
    }

    /// All that stands in DRAM now, in the order of addresses.
    var finds: [DRAMFind] {
        [inside, over].flatMap { $0.values.joined() }.sorted {
            ($0.offset, $0.kind.rawValue) < ($1.offset, $1.kind.rawValue)
        }
    }

    /// The finds that begin in a page.
    func finds(inPage page: Int) -> [DRAMFind] {
        inside[page, default: []] + over[page, default: []]
    }

    /// What the attacker reads of it.
    func page(_ page: Int) -> UnsafeRawBufferPointer {
        slice(seen, page * Self.pageBytes..<(page + 1) * Self.pageBytes)
    }

    /// Since before there was any secret.
    func hasChanged(_ page: Int) -> Bool {
        let range = page * Self.pageBytes..<(page + 1) * Self.pageBytes
        return !slice(view.bytes, range).elementsEqual(slice(view.base, range))
    }

    private func search(_ pages: [Int]) {
        for page in pages { decay(page) }
        for page in pages {
            set(&inside, page, isBlank(page) ? [] : insideFinds(page))
        }
        for border in Set(pages).union(pages.map { $0 - 1 }) where border >= 0 && border + 1 < view.pageCount
        {
            set(&over, border, isBlank(border) && isBlank(border + 1) ? [] : borderFinds(border))
        }
        searchedPages += pages.count
    }

    private func set(_ places: inout [Int: [DRAMFind]], _ place: Int, _ finds: [DRAMFind]) {
        for find in places[place, default: []] { standing[find.kind, default: 0] -= find.count }
        for find in finds { standing[find.kind, default: 0] += find.count }
        places[place] = finds.isEmpty ? nil : finds
    }

    private func insideFinds(_ page: Int) -> [DRAMFind] {
        let range = page * Self.pageBytes..<(page + 1) * Self.pageBytes
        return attack.finds(in: slice(seen, range), at: range.lowerBound, base: slice(view.base, range))
    }

    private func borderFinds(_ page: Int) -> [DRAMFind] {
        let border = (page + 1) * Self.pageBytes
        let reach = attack.longest - 1
        let range = max(0, border - reach)..<min(seen.count, border + reach)
        return attack.finds(
            in: slice(seen, range), at: range.lowerBound, base: slice(view.base, range),
            over: border - range.lowerBound)
    }

    private func slice(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    /// Of one byte throughout: no canary, no key and no block that is looked for is.
    private func isBlank(_ page: Int) -> Bool {
        guard let start = seen.baseAddress.map({ $0 + page * Self.pageBytes }) else { return true }
        return memcmp(start, start + 1, Self.pageBytes - 1) == 0
    }

    private func decay(_ page: Int) {
        guard let decayed else { return }
        let range = page * Self.pageBytes..<(page + 1) * Self.pageBytes
        let copy = UnsafeMutableRawBufferPointer(rebasing: decayed[range])
        copy.copyMemory(from: slice(view.bytes, range))
        decay_apply(attack.decay, seed, UInt64(range.lowerBound), copy.baseAddress, copy.count)
    }

    private static func anonymous(bytes: Int) -> UnsafeMutableRawBufferPointer? {
        let start = mmap(
            nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let start, start != MAP_FAILED else { return nil }
        return UnsafeMutableRawBufferPointer(start: start, count: bytes)
    }

    package enum Failure: Explained, Equatable {
        case noMemory

        package var exitCode: ExitCode { .unavailable }

        package var description: String {
            "There is not enough memory for the search. Close other programs, or record a machine with less RAM."
        }
    }
}
