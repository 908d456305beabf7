/// Little-endian numbers in byte arrays, at any alignment.
extension [UInt8] {
    package func word<Word: FixedWidthInteger>(at offset: Int, _: Word.Type) -> Word {
        withUnsafeBytes { Word(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Word.self)) }
    }

    package mutating func store<Word: FixedWidthInteger>(_ word: Word, at offset: Int) {
        let bytes = [UInt8](memoryOf: word.littleEndian)
        replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    /// The memory of a C struct.
    package init<Value>(memoryOf value: Value) {
        self = Swift.withUnsafeBytes(of: value) { [UInt8]($0) }
    }
}
