import FrostKit
import Glibc

/// Looks through a machine's whole memory for byte strings.
///
/// - Units: physical addresses.
struct MemorySearch {
    struct Find: Equatable {
        var needle: String
        var address: UInt64
    }

    /// What finds mean for an image.
    enum Verdict: Equatable {
        /// All in the region that the cache keeps; `count` of them.
        case insideOnly(count: Int)
        /// In memory that DRAM holds: the first find.
        case plaintextFound(Find)
    }

    private let needles: [(name: String, bytes: [UInt8])]
    private static let chunkBytes = 16 << 20
    private static let holeStart: UInt64 = 0xC000_0000
    private static let holeEnd: UInt64 = 4 << 30

    init(_ texts: [String]) {
        needles = texts.map { ($0, Array($0.utf8)) }
    }

    init(named needles: [(String, [UInt8])]) {
        self.needles = needles.map { (name: $0.0, bytes: $0.1) }
    }

    /// Every place of every needle, overlapping the borders of what is read at a time.
    func finds(in memory: GuestRAM) throws -> [Find] {
        let overlap = (needles.map(\.bytes.count).max() ?? 1) - 1
        return try Self.ranges(of: memory.ram).flatMap { range in
            try stride(from: range.lowerBound, to: range.upperBound, by: Self.chunkBytes).flatMap { start in
                let end = min(range.upperBound, start + UInt64(Self.chunkBytes + overlap))
                let chunk = try memory.read(at: start, count: Int(end - start))
                return finds(in: chunk, at: start, within: Self.chunkBytes)
            }
        }
    }

    /// In bytes that are known to lie at an address; finds that begin at `within` or later are not told.
    func finds(in bytes: [UInt8], at address: UInt64 = 0, within limit: Int = .max) -> [Find] {
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

    private static func ranges(of ram: ByteCount) -> [Range<UInt64>] {
        if ram.bytes <= holeStart { return [0..<ram.bytes] }
        return [0..<holeStart, holeEnd..<holeEnd + ram.bytes - holeStart]
    }

    /// A region counts as kept by the cache only when the image says that something freezes it.
    static func verdict(_ finds: [Find], for image: BootImage) -> Verdict {
        let region = image.plan.frozenBase..<image.plan.frozenEnd
        let isKept = image.freeze == .fit
        if let leak = finds.first(where: { !isKept || !region.contains($0.address) }) {
            return .plaintextFound(leak)
        }
        return .insideOnly(count: finds.count)
    }
}

/// What the guest `secret` plants: images/secret/marker.h.
enum Markers {
    static let texts = [
        "FROST-MARKER in the pages: 4f1ce", "FROST-MARKER in the vectors:a9e2",
        "FROST-MARKER in the registers:77",
    ]
    /// Shorter than any: a page that was cut, or a register half, shows as well.
    static let parts = [
        "FROST-MARKER in ", "the pages: 4f1ce", "the vectors:a9e2", "the registers:77", "FROST-MA",
        "RKER in ",
    ]
}
