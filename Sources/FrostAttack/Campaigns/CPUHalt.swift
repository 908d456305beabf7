/// Whether a CPU stands still before a guest was launched, from QEMU's own view of it.
///
/// - Source: QEMU 7.2, target/i386/cpu-dump.c.
struct CPUHalt: Equatable {
    let isHalted: Bool
    /// No interrupt goes on from there: none is taken, or it comes back to the halt.
    let isForGood: Bool

    /// RFLAGS.IF.
    private static let interruptFlag: UInt64 = 1 << 9
    /// Below it lies no code of the firmware's: only our boot sector and our loader halt there, and again after each
    /// interrupt.
    private static let firmwareFrom: UInt64 = 0xA0000

    /// - Parameter registers: lines of `info registers`.
    init(registers: [String]) {
        let words = registers.flatMap { $0.split(separator: " ") }
        func number(_ names: String...) -> UInt64? {
            let word = words.first { word in names.contains { word.hasPrefix($0 + "=") } }
            return word.flatMap { UInt64($0.drop { $0 != "=" }.dropFirst(), radix: 16) }
        }
        // CS =SELECTOR BASE LIMIT FLAGS
        let segment = words.firstIndex(of: "CS").map { words.dropFirst($0 + 2) }?.first
        let base = segment.flatMap { UInt64($0, radix: 16) }
        isHalted = number("HLT") == 1
        let isDeaf = number("RFL", "EFL").map { $0 & Self.interruptFlag == 0 } ?? false
        let address = base.flatMap { base in number("RIP", "EIP").map { base &+ $0 } }
        isForGood = isHalted && (isDeaf || address.map { $0 < Self.firmwareFrom } ?? false)
    }
}
