import Foundation
import FrostSupport

/// Bytes of a hexadecimal string, as standards print them.
func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

extension SplitMix64 {
    /// A seed that nobody chose, printed so that `FROST_TEST_SEED=… swift test` repeats a failure.
    static func announced(_ user: String) -> SplitMix64 {
        let wanted = ProcessInfo.processInfo.environment["FROST_TEST_SEED"].flatMap(UInt64.init)
        let seed = wanted ?? UInt64.random(in: 0...UInt64.max)
        print("\(user): seed \(seed)")
        return SplitMix64(seed: seed)
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
