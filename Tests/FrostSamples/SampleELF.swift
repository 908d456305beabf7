/// A small ELF64 executable, made by hand.
package struct SampleELF {
    package var machine: UInt16
    package var type: UInt16
    package var entry: UInt64
    package var segments: [(virtual: UInt64, physical: UInt64, content: [UInt8], memoryBytes: UInt64)]

    package init(
        machine: UInt16 = 62, type: UInt16 = 2, entry: UInt64 = 0x10_0010,
        segments: [(virtual: UInt64, physical: UInt64, content: [UInt8], memoryBytes: UInt64)] = [
            (0x10_0000, 0x10_0000, Array(1...100), 5000)
        ]
    ) {
        (self.machine, self.type, self.entry, self.segments) = (machine, type, entry, segments)
    }

    package var bytes: [UInt8] {
        var header = [UInt8](repeating: 0, count: 64)
        header.replaceSubrange(0..<7, with: [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1])
        put(type, at: 16, in: &header)
        put(machine, at: 18, in: &header)
        put(entry, at: 24, in: &header)
        put(UInt64(64), at: 32, in: &header)
        put(UInt16(56), at: 54, in: &header)
        put(UInt16(segments.count), at: 56, in: &header)
        var table: [UInt8] = []
        var content: [UInt8] = []
        let contentStart = 64 + 56 * segments.count
        for segment in segments {
            var row = [UInt8](repeating: 0, count: 56)
            put(UInt32(1), at: 0, in: &row)
            put(UInt64(contentStart + content.count), at: 8, in: &row)
            put(segment.virtual, at: 16, in: &row)
            put(segment.physical, at: 24, in: &row)
            put(UInt64(segment.content.count), at: 32, in: &row)
            put(segment.memoryBytes, at: 40, in: &row)
            table += row
            content += segment.content
        }
        return header + table + content
    }

    private func put<Word: FixedWidthInteger>(_ word: Word, at offset: Int, in bytes: inout [UInt8]) {
        withUnsafeBytes(of: word.littleEndian) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
    }
}
