package import DRAMSearch

/// Known byte strings, found at any alignment, whole or decayed.
// Nothing of it changes once it is made, what the pointer points to included.
package final class Needles: @unchecked Sendable {
    package struct Find {
        package var offset: Int
        package var needle: Int
    }

    package let list: [[UInt8]]
    /// In bytes.
    package let longest: Int
    private let needles: OpaquePointer?

    package static let shortest = Int(NEEDLE_BYTES_MIN)

    package init(_ list: [[UInt8]], decay: decay = decay()) {
        self.list = list
        longest = list.map(\.count).max() ?? 0
        var spans: [needle] = []
        let bytes = list.flatMap { $0 }
        needles = bytes.withUnsafeBytes { buffer in
            var at = 0
            for item in list {
                spans.append(needle(bytes: buffer.baseAddress.map { $0 + at }, count: item.count))
                at += item.count
            }
            return list.isEmpty ? nil : needles_create(spans, spans.count, decay)
        }
        precondition(list.isEmpty || needles != nil, "no memory, or a needle shorter than \(Self.shortest)")
    }

    deinit {
        needles_destroy(needles)
    }

    /// Every find, ascending.
    package func find(in bytes: UnsafeRawBufferPointer) -> [Find] {
        guard let needles else { return [] }
        var finds = [needle_find](repeating: needle_find(), count: 64)
        var count = needles_find(needles, bytes.baseAddress, bytes.count, &finds, finds.count)
        if count > finds.count {
            finds = [needle_find](repeating: needle_find(), count: count)
            count = needles_find(needles, bytes.baseAddress, bytes.count, &finds, finds.count)
        }
        return finds.prefix(count).map { Find(offset: Int($0.offset), needle: Int($0.needle)) }
    }
}
