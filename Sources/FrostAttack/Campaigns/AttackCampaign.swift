import Dispatch
import FrostCore
package import FrostFormat
package import FrostImage
package import FrostMachine
package import FrostSupport
import Synchronization

/// Many attacks on one guest, each from the same saved instant.
package struct AttackCampaign: Sendable {
    /// In turn; nil: all that the machine offers a way to.
    package var kinds: [AttackKind]?
    /// What stands around the guest's CPU and its memory.
    package var board = Board()
    package var count = 110
    package var seed: UInt64 = 1
    /// Only the attack of this number.
    package var only: Int?
    /// How many machines run at once.
    package var jobs = 1
    /// How long the guest may go on without being found out, at most: it may have been back everywhere sooner.
    package var watch = TimeSpan(.seconds(3))
    /// The attacks begin when the console has said this; nil: when the guest is launched.
    package var after: String?
    package var passphrase: Passphrase?
    /// Text that the guest holds and DRAM must not, besides the markers of our own guests.
    package var secrets: [String] = []

    /// Whether no further attack begins, from what came of those that have ended.
    package var isDecided: @Sendable ([AttackOutcome]) -> Bool = { _ in false }

    package init() {}

    /// - Parameter progress: told of each attack when it is over, from any thread.
    /// - Throws: ``Failure``; what a run throws when the machine itself fails.
    package func run(
        on image: BootImage, in tree: SourceTree, progress: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> AttackReport {
        guard image.header.trace_every == 1 else { throw Failure.sampledTrace(image.header.trace_every) }
        guard image.freeze == .fit else { throw Failure.notFrozen }
        guard board.iommu != .amd else { throw Failure.notSaved }
        for kind in kinds ?? [] { if let lack = kind.lack(on: board) { throw Failure.lacks(kind, lack) } }
        let kinds = kinds ?? AttackKind.allCases.filter { $0.reserve == nil && $0.lack(on: board) == nil }
        let start = ContinuousClock.now
        let watchForSignals = SignalWatch()
        let base = try AttackBase(
            image, on: board, symbols: Toolchain(tree: tree).symbols(of: image), after: after,
            passphrase: passphrase, secrets: secrets)
        let numbers = only.map { [$0] } ?? Array(0..<count)
        let work = Mutex(Work(rest: numbers[...]))
        DispatchQueue.concurrentPerform(iterations: min(jobs, numbers.count)) { _ in
            while let number = work.withLock({ $0.next() }) {
                do {
                    let attack = Attack(number: number, of: kinds, seed: seed)
                    let outcome =
                        attack.kind == .header
                        ? try ImageAttack(attack, on: base) { SignalWatch.isCaught }.run()
                        : try AttackRun(attack, on: base, watch: watch.duration) { SignalWatch.isCaught }
                            .run()
                    progress(outcome.description)
                    work.withLock {
                        $0.outcomes.append(outcome)
                        if isDecided($0.outcomes) { $0.rest = [] }
                    }
                } catch {
                    work.withLock { $0.failure = $0.failure ?? error }
                }
            }
        }
        _ = consume watchForSignals
        return try work.withLock { work in
            if let failure = work.failure { throw failure }
            return AttackReport(
                image: image, seed: seed, outcomes: work.outcomes, base: base,
                notRun: Set(AttackKind.allCases).subtracting(kinds),
                wallSeconds: (ContinuousClock.now - start) / .seconds(1))
        }
    }

    /// What is left to do, and what came of the rest.
    private struct Work {
        var rest: ArraySlice<Int>
        var outcomes: [AttackOutcome] = []
        var failure: (any Error)?

        mutating func next() -> Int? { failure == nil ? rest.popFirst() : nil }
    }

    package enum Failure: Explained, Equatable {
        case sampledTrace(UInt32)
        case notFrozen
        case notSaved
        case lacks(AttackKind, String)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .sampledTrace(let every):
                """
                The image traces one exit in \(every), so it could not be known whether a page was opened after an \
                attack. Make it with --trace-every 1.
                """
            case .notSaved:
                """
                QEMU does not save a machine with AMD-Vi, and attacks go on from a saved one. Use --iommu intel; what \
                devices reach behind AMD-Vi BootTests/Devices tries.
                """
            case .lacks(let kind, let lack):
                "Attacks of the kind '\(kind.rawValue)' cannot be carried out: \(lack)."
            case .notFrozen:
                "The image freezes nothing, so DRAM holds plaintext anyway. Make it with --freeze fit."
            }
        }
    }
}
