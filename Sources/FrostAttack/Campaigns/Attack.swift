import FrostSupport

/// One attack, as it was drawn: the seed alone decides.
///
/// When the attacker stops the machine is a matter of the host's clock, so the same draw meets the guest at nearly, not
/// exactly, the same instruction.
package struct Attack: Sendable {
    package let number: Int
    package let seed: UInt64
    package let kind: AttackKind
    /// How long the guest runs before the attacker copies all of DRAM.
    let wait: Duration
    /// From then until he strikes.
    let listening: Duration
    /// Decides what he does it to.
    var generator: SplitMix64

    private static let waitMilliseconds = 0...100
    private static let listeningMilliseconds = 20...400

    /// - Parameter seed: of all attacks; this one's is mixed from it and its number.
    package init(number: Int, of kinds: [AttackKind], seed: UInt64) {
        var mixer = SplitMix64(seed: seed ^ UInt64(number) &* 0xD1B5_4A32_D192_ED03)
        self.number = number
        self.seed = mixer.next()
        generator = SplitMix64(seed: self.seed)
        kind = kinds[number % kinds.count]
        wait = .milliseconds(Int.random(in: Self.waitMilliseconds, using: &generator))
        listening = .milliseconds(Int.random(in: Self.listeningMilliseconds, using: &generator))
    }
}
