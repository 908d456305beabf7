import Foundation

/// Bytes of a hexadecimal string, as standards print them.
func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// A seeded generator, so that a failure can be repeated. Source: Steele, Lea, Flood, "SplitMix64" (2014).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// A seed that nobody chose, printed so that `FROST_TEST_SEED=… swift test` repeats a failure.
    static func announced(_ user: String) -> SeededGenerator {
        let wanted = ProcessInfo.processInfo.environment["FROST_TEST_SEED"].flatMap(UInt64.init)
        let seed = wanted ?? UInt64.random(in: 0...UInt64.max)
        print("\(user): seed \(seed)")
        return SeededGenerator(seed: seed)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var result = [UInt8]()
        result.reserveCapacity(count + 8)
        while result.count < count {
            withUnsafeBytes(of: next()) { result.append(contentsOf: $0) }
        }
        return Array(result.prefix(count))
    }
}
