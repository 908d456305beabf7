import FrostSupport

/// Makes new inputs of kept ones. Everything follows from the seed.
struct InputMutator {
    private var random: SplitMix64
    private let words: [[UInt8]]

    private static let longestInput = 16 << 10

    /// Where numbers overflow, change their sign or are one too many.
    private static let edges: [UInt64] = [
        0, 1, 2, 7, 8, 15, 16, 63, 64, 127, 128, 255, 256, 511, 512, 4095, 4096, 0x7FFF, 0x8000, 0xFFFF,
        0x1_0000,
        0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000,
        0xFFFF_FFFF_FFFF_F000, 0xFFFF_FFFF_FFFF_FFFF,
    ]

    init(seed: UInt64, words: [String]) {
        random = SplitMix64(seed: seed)
        self.words = words.map { [UInt8]($0.utf8) }
    }

    mutating func next(from corpus: [[UInt8]]) -> [UInt8] {
        var input = pick(corpus)
        for _ in 0..<1 << below(5) { change(&input, corpus) }
        return [UInt8](input.prefix(Self.longestInput))
    }

    /// Follows from that seed alone.
    mutating func next(from corpus: [[UInt8]], seed: UInt64) -> [UInt8] {
        random = SplitMix64(seed: seed)
        return next(from: corpus)
    }

    mutating func isHeads() -> Bool { below(2) == 0 }

    private mutating func change(_ input: inout [UInt8], _ corpus: [[UInt8]]) {
        guard !input.isEmpty else {
            input = pick(corpus + [[0]])
            return
        }
        let at = below(input.count)
        switch below(12) {
        case 0: input[at] ^= 1 << UInt8(below(8))
        case 1: input[at] = UInt8(truncatingIfNeeded: random.next())
        case 2: input[at] &+= UInt8(truncatingIfNeeded: below(71) - 35)
        case 3, 4: putEdge(&input, at)
        case 5: input.removeSubrange(at..<min(input.count, at + 1 + below(1 << below(9))))
        case 6:
            let piece = input[at..<min(input.count, at + 1 + below(1 << below(9)))]
            input.insert(contentsOf: piece, at: below(input.count))
        case 7:
            let other = pick(corpus)
            guard !other.isEmpty else { return }
            let from = below(other.count)
            let piece = other[from..<min(other.count, from + 1 + below(1 << below(10)))]
            if isHeads() {
                input.insert(contentsOf: piece, at: at)
            } else {
                input.replaceSubrange(at..<min(input.count, at + piece.count), with: piece)
            }
        case 8: input.removeSubrange(at...)
        case 9: putDigits(&input, at)
        default:
            guard !words.isEmpty else { return putEdge(&input, at) }
            let word = pick(words)
            if isHeads() {
                input.insert(contentsOf: word, at: at)
            } else {
                input.replaceSubrange(at..<min(input.count, at + word.count), with: word)
            }
        }
    }

    /// A number of 1, 2, 4 or 8 bytes, most often where such a number would be aligned.
    private mutating func putEdge(_ input: inout [UInt8], _ at: Int) {
        let size = 1 << below(4)
        let place = below(4) == 0 ? at : at / size * size
        var value = pick(Self.edges) &+ UInt64(bitPattern: Int64(below(3) - 1))
        if below(4) == 0 { value = UInt64(input.count) &+ UInt64(bitPattern: Int64(below(65) - 32)) }
        for byte in 0..<size where place + byte < input.count {
            input[place + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(byte)))
        }
    }

    /// Another number in place of one in text.
    private mutating func putDigits(_ input: inout [UInt8], _ at: Int) {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let first = input[at...].firstIndex(where: { digits.contains($0) }) else { return }
        let end = input[first...].firstIndex { !digits.contains($0) } ?? input.count
        input.replaceSubrange(first..<end, with: String(pick(Self.edges)).utf8)
    }

    private mutating func below(_ end: Int) -> Int { Int(random.next() % UInt64(max(1, end))) }

    private mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }
}
