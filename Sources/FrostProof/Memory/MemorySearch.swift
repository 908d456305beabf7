package import FrostFormat
package import FrostMachine
import FrostSupport
import Glibc

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

    private let needles: [(name: String, bytes: [UInt8])]
    private static let chunkBytes = 1 << 20

    package init(_ texts: [String]) {
        needles = texts.map { ($0, Array($0.utf8)) }
    }

    package init(named needles: [(String, [UInt8])]) {
        self.needles = needles.map { (name: $0.0, bytes: $0.1) }
    }

    /// Every place of every needle, overlapping the borders of what is read at a time.
    package func finds(in memory: GuestRAM) throws(GuestRAM.Failure) -> [Find] {
        let overlap = (needles.map(\.bytes.count).max() ?? 1) - 1
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

    /// In bytes that are known to lie at an address; finds that begin at `within` or later are not told.
    package func finds(in bytes: [UInt8], at address: UInt64 = 0, within limit: Int = .max) -> [Find] {
        bytes.withUnsafeBytes { buffer in
            needles.flatMap { needle in
                Self.offsets(of: needle.bytes, in: buffer).filter { $0 < limit }
                    .map { Find(needle: needle.name, address: address + UInt64($0)) }
            }
        }
    }

    /// By the needle's first byte that is not zero: most of memory is.
    private static func offsets(of needle: [UInt8], in buffer: UnsafeRawBufferPointer) -> [Int] {
        guard let base = buffer.baseAddress, let anchor = needle.firstIndex(where: { $0 != 0 }) else {
            return []
        }
        var offsets: [Int] = []
        var start = anchor
        while start < buffer.count,
            let found = memchr(base + start, Int32(needle[anchor]), buffer.count - start)
        {
            let offset = UnsafeRawPointer(found) - base - anchor
            if offset + needle.count <= buffer.count && memcmp(base + offset, needle, needle.count) == 0 {
                offsets.append(offset)
            }
            start = offset + anchor + 1
        }
        return offsets
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
