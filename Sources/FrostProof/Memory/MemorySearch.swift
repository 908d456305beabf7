package import FrostFormat
package import FrostMachine
import FrostSupport

/// Looks through a machine's whole memory for byte strings.
///
/// - Units: physical addresses.
package struct MemorySearch: Sendable {
    package struct Find: Equatable, Sendable {
        package var needle: String
        package var address: UInt64

        package init(needle: String, address: UInt64) {
            self.needle = needle
            self.address = address
        }
    }

    /// What finds mean for an image.
    package enum Verdict: Equatable, Sendable {
        /// All in the region that the cache keeps; `count` of them.
        case insideOnly(count: Int)
        /// In memory that DRAM holds: the first find.
        case plaintextFound(Find)
    }

    private let names: [String]
    private let needles: Needles
    private static let chunkBytes = 1 << 20

    package init(_ texts: [String]) {
        self.init(named: texts.map { ($0, Array($0.utf8)) })
    }

    /// - Parameter needles: of ``Needles/shortest`` bytes or more.
    package init(named needles: [(String, [UInt8])]) {
        names = needles.map(\.0)
        self.needles = Needles(needles.map(\.1))
    }

    /// Every place of every needle, overlapping the borders of what is read at a time.
    package func finds(in memory: GuestRAM) throws(GuestRAM.Failure) -> [Find] {
        let overlap = max(needles.longest - 1, 0)
        var finds: [Find] = []
        for range in memory.ranges {
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.chunkBytes) {
                let end = min(range.upperBound, start + UInt64(Self.chunkBytes + overlap))
                let chunk = try memory.read(at: start, count: Int(end - start))
                // Most of memory holds nothing.
                guard !chunk.isZero else { continue }
                finds += self.finds(in: chunk, at: start, within: Self.chunkBytes)
            }
        }
        return finds
    }

    /// In bytes that are known to lie at an address, in the order of the needles; finds that begin at `within` or later
    /// are not told.
    package func finds(in bytes: [UInt8], at address: UInt64 = 0, within limit: Int = .max) -> [Find] {
        bytes.withUnsafeBytes { needles.find(in: $0) }.filter { $0.offset < limit }
            .sorted { ($0.needle, $0.offset) < ($1.needle, $1.offset) }
            .map { Find(needle: names[$0.needle], address: address + UInt64($0.offset)) }
    }

    /// A region counts as kept by the cache only when the image says that something freezes it.
    package static func verdict(_ finds: [Find], for image: BootImage) -> Verdict {
        let isKept = image.freeze == .fit
        if let leak = finds.first(where: { !isKept || !image.plan.frozenRegion.contains($0.address) }) {
            return .plaintextFound(leak)
        }
        return .insideOnly(count: finds.count)
    }
}

/// What the guests `secret` and `revisit` plant: images/common/marker.h.
package enum Markers {
    package static let texts = [
        "FROST-MARKER in the pages: 4f1ce", "FROST-MARKER in the vectors:a9e2",
        "FROST-MARKER in the registers:77",
    ]
    /// Shorter than any: a page that was cut, or a register half, shows as well.
    package static let parts = [
        "FROST-MARKER in ", "the pages: 4f1ce", "the vectors:a9e2", "the registers:77", "FROST-MA",
        "RKER in ",
    ]
}
