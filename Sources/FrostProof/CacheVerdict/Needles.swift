package import DRAMSearch

/// Known byte strings, found at any alignment, whole or decayed.
package final class Needles {
    package struct Find {
        package var offset: Int
        package var needle: Int
    }

    package let list: [[UInt8]]
    private let needles: OpaquePointer?
    private var finds = [needle_find](repeating: needle_find(), count: room)
    private static let room = 64

    package static let shortest = Int(NEEDLE_BYTES_MIN)

    package init(_ list: [[UInt8]], decay: decay = decay()) {
        self.list = list
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

    package var longest: Int { list.map(\.count).max() ?? 0 }

    /// The first finds, ascending.
    package func find(in bytes: UnsafeRawBufferPointer) -> [Find] {
        guard let needles else { return [] }
        let count = needles_find(needles, bytes.baseAddress, bytes.count, &finds, Self.room)
        return finds.prefix(min(count, Self.room)).map {
            Find(offset: Int($0.offset), needle: Int($0.needle))
        }
    }
}
