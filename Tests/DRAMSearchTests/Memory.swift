import DRAMSearch

/// Bytes from a seed, so that a failure can be repeated.
struct SeededBytes {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed | 1
    }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 32) }
    }
}

/// What ``[UInt8]/decayed(_:seed:)`` does to cells.
func decay(_ probability: Double = 0, to ground: decay_ground = DECAY_EITHER) -> DRAMSearch.decay {
    DRAMSearch.decay(probability: probability, ground: ground)
}

extension [UInt8] {
    mutating func plant(_ bytes: [UInt8], at offset: Int) {
        replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    /// The count is a multiple of 8.
    func decayed(_ decay: DRAMSearch.decay, seed: UInt64) -> [UInt8] {
        var copy = self
        copy.withUnsafeMutableBytes { decay_apply(decay, seed, 0, $0.baseAddress, $0.count) }
        return copy
    }

    init(hex: String) {
        let digits = hex.filter { !$0.isWhitespace }
        self = stride(from: 0, to: digits.count, by: 2).map { at in
            let start = digits.index(digits.startIndex, offsetBy: at)
            return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16) ?? 0
        }
    }
}

/// Calls a search with room for more finds than any test plants.
func finds<Find>(of find: Find, _ search: (UnsafeMutablePointer<Find>, Int) -> Int) -> [Find] {
    var finds = [Find](repeating: find, count: 256)
    let count = finds.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.map { search($0, buffer.count) } ?? 0
    }
    return Array(finds.prefix(count))
}

func keySchedules(in memory: [UInt8], _ decay: DRAMSearch.decay = decay()) -> [key_find] {
    finds(of: key_find()) { key_schedules_find(decay, memory, memory.count, $0, $1) }
}

func schedule(_ key: [UInt8], _ layout: key_layout = KEY_FORWARD) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: key_schedule_bytes(UInt32(key.count)))
    key_schedule_expand(key, UInt32(key.count), layout, &bytes)
    return bytes
}

extension key_find {
    var keyBytes: [UInt8] {
        withUnsafeBytes(of: key) { Array($0.prefix(Int(key_bytes))) }
    }
}
