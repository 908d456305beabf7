import FrostMachine
import FrostSupport

/// Looks at the IOMMU's registers while a run is recorded, from the guest's first instruction on, and once it has ended.
final class IOMMUWatch {
    private(set) var seen: Set<IOMMURegisters> = []
    private let kind: Board.IOMMU
    private let canHold: Bool

    init(of options: RunOptions) {
        kind = options.board.iommu
        canHold = options.platform == .qemuTCG
    }

    /// A machine that is powered off has no registers: here it is held, and quit when they were read.
    func add(to options: inout RunOptions) {
        guard kind != .none else { return }
        options.holdsAtEnd = canHold
        options.hooks += [
            Hook(.launch) { [self] in look($0) },
            Hook(.every(.seconds(1))) { [self] in if $0.hasLaunched { look($0) } },
            Hook(.end) { [self] machine in
                guard machine.hasLaunched else { return }
                look(machine)
                if canHold { _ = try? machine.qmp().execute("quit") }
            },
        ]
    }

    /// It may be gone by now. What was never seen proves nothing.
    private func look(_ machine: Machine) {
        if let registers = try? IOMMURegisters(kind, of: machine) { seen.insert(registers) }
    }
}
