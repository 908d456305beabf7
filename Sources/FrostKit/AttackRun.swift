import FrostCore
import Glibc

/// One attack, from the saved guest to the verdict.
final class AttackRun {
    private let attack: Attack
    private let base: AttackBase
    private let watch: Duration
    private let isInterrupted: () -> Bool
    private var judge: AttackJudge?
    private var isStruck = false
    private var judged = ContinuousClock.now
    private var finding: AttackJudge.Finding?
    /// What the search found in DRAM at the end; after a panic, in all of memory.
    private var leftovers: [MemorySearch.Find] = []
    private var isHalted = false
    private var lastRecords: [TraceRecord] = []

    /// Tries to find the guest in a state that offers a target, and the guest's time between two.
    private static let tries = 20
    private static let betweenTries = Duration.milliseconds(100)
    /// How long the guest goes on after an interruption before it is searched.
    private static let aftermath = Duration.milliseconds(300)
    /// In the midst of whatever the machine does after it was last seen in its guest.
    private static let anywhereMicroseconds: UInt32 = 2000

    init(_ attack: Attack, on base: AttackBase, watch: Duration, isInterrupted: @escaping () -> Bool) {
        (self.attack, self.base, self.watch, self.isInterrupted) = (attack, base, watch, isInterrupted)
    }

    /// - Throws: as ``Machine/run()``; ``Interrupted`` when a signal came.
    func run() throws -> AttackOutcome {
        var options = RunOptions()
        options.saved = base.machine
        options.takesMessages = true
        options.hooks = [
            Hook(.every(.zero)) { [self] machine in try look(machine) },
            Hook(.end) { [self] machine in try search(machine) },
        ]
        let result = try Machine(base.image, options: options).run()
        if isInterrupted() { throw Interrupted() }
        let finding = try verdict(result)
        return AttackOutcome(
            number: attack.number, seed: attack.seed, kind: attack.kind,
            pages: judge?.strike.written.keys.sorted().map(pageName) ?? [], verdict: finding.verdict,
            reason: finding.reason)
    }

    struct Interrupted: Explained {
        var exitCode: ExitCode { .interrupted }
        var description: String { "Interrupted: attacks that were not finished do not count." }
    }

    // MARK: while the machine runs

    private func look(_ machine: RunningMachine) throws {
        if isInterrupted() { return machine.stop() }
        if !isStruck {
            sleep(attack.wait)
            attack.kind.changesDRAM ? try strike(machine) : try interrupt(machine)
            isStruck = true
            judged = ContinuousClock.now
        } else if let judge {
            try watch(machine, judge)
        } else if ContinuousClock.now > judged + Self.aftermath {
            if attack.kind == .nmi { try auditAfterNMI(machine) }
            machine.stop()
        }
    }

    private func strike(_ machine: RunningMachine) throws {
        try machine.pauseInGuest()
        let then = try BusRecord(machine, FrozenView(machine, symbols: base.symbols))
        try machine.resume()
        sleep(attack.listening)
        var generator = attack.generator
        for _ in 0..<Self.tries {
            try machine.pauseInGuest()
            let view = try FrozenView(machine, symbols: base.symbols)
            var attacker = Attacker(
                plan: base.image.plan, then: then, now: try BusRecord(machine, view), generator: generator)
            if let homes = attacker.draw(attack.kind) {
                judge = AttackJudge(strike: try Strike(homes, on: machine, view))
                return try machine.resume()
            }
            _ = generator.next()
            try machine.resume()
            sleep(Self.betweenTries)
        }
        finding = (.notDone, "no page offered itself")
        machine.stop()
    }

    private func interrupt(_ machine: RunningMachine) throws {
        sleep(attack.listening)
        try machine.pauseInGuest()
        var generator = attack.generator
        // An INIT waits for the guest on a CPU; QEMU would take it in the midst of the hypervisor.
        if attack.kind == .initialise { try machine.send(.initialise) }
        try machine.resume()
        if attack.kind != .initialise {
            usleep(UInt32.random(in: 0...Self.anywhereMicroseconds, using: &generator))
        }
        switch attack.kind {
        case .kill: machine.cutPower()
        case .reset: try machine.reset()
        case .nmi: try machine.injectNMI()
        case .smi: try machine.send(.smi)
        default: break
        }
    }

    private func watch(_ machine: RunningMachine, _ judge: AttackJudge) throws {
        let isOver = ContinuousClock.now > judged + watch
        guard try isOver || judge.isSettled(judge.strike.position.records(of: machine, nil)) else { return }
        do {
            try machine.pauseInGuest()
        } catch RunningMachine.Failure.neverThere {
            return  // It has panicked meanwhile: the end record is on its way.
        }
        let view = try FrozenView(machine, symbols: base.symbols)
        finding = try judge.survived(judge.strike.position.records(of: machine, view), view)
        machine.stop()
    }

    private func auditAfterNMI(_ machine: RunningMachine) throws {
        try machine.pauseInGuest()
        if let page = try TreeAudit(FrozenView(machine, symbols: base.symbols)).broken.first {
            finding = (.missed, "\(pageName(page)) broke")
        }
    }

    private func sleep(_ duration: Duration) {
        usleep(UInt32(duration / .microseconds(1)))
    }

    // MARK: afterwards

    private func search(_ machine: RunningMachine) throws {
        let hasPanicked = machine.trace.ending?.kind == .panic
        if hasPanicked {
            isHalted = try hasHalted(machine)
            lastRecords = try judge?.strike.position.records(of: machine, nil) ?? []
        }
        leftovers = try base.needles.finds(in: machine.ram).filter {
            hasPanicked || !base.image.plan.frozenRegion.contains($0.address)
        }
    }

    /// Whether the hypervisor has stopped the CPU for good: halted, deaf to interrupts, and not the guest.
    private func hasHalted(_ machine: RunningMachine) throws -> Bool {
        for _ in 0..<Self.tries {
            try machine.pause()
            let lines = try machine.registers()
            let tables = try machine.pageTables()
            let state = lines.first { $0.contains("HLT=") } ?? ""
            if state.contains("HLT=1") {
                let flags = UInt64(
                    state.split(separator: " ").first { $0.hasPrefix("RFL=") }?.dropFirst(4) ?? "", radix: 16)
                return base.image.plan.frozenRegion.contains(tables)
                    && (flags.map { $0 & 0x200 == 0 } ?? false)
            }
            try machine.resume()
            usleep(5000)
        }
        return false
    }

    private func verdict(_ result: RunResult) throws -> AttackJudge.Finding {
        if finding?.verdict == .notDone, let finding { return finding }
        if let find = leftovers.first {
            return (.missed, "'\(find.needle)' stands in memory at 0x\(String(find.address, radix: 16))")
        }
        if let find = base.secrets.finds(in: result.console).first {
            return (.missed, "'\(find.needle)' was released on the console")
        }
        if result.ending.kind == .panic && !isHalted { return (.missed, "the CPU went on after the panic") }
        return attack.kind.changesDRAM ? try afterStrike(result) : afterInterruption(result)
    }

    private func afterStrike(_ result: RunResult) throws -> AttackJudge.Finding {
        switch result.ending {
        case .panic(.integrity, let index, let level?):
            guard let judge else { return (.missed, "it panicked before it was attacked") }
            return judge.panicked(at: page_make(UInt32(level), index), lastRecords)
        case .stopped:
            return finding ?? (.missed, "no verdict")
        default:
            return (.missed, result.ending.description)
        }
    }

    private func afterInterruption(_ result: RunResult) -> AttackJudge.Finding {
        if let finding { return finding }
        switch (attack.kind, result.ending) {
        case (.kill, .died): return (.held, "nothing in DRAM after the power was cut")
        case (.reset, .stopped): return (.held, "nothing in DRAM after the firmware started anew")
        case (.nmi, .stopped): return (.held, "the guest went on, and every home fits the tree")
        case (.nmi, .tripleFault): return (.held, "the guest had no use for it; keys erased")
        case (.initialise, .panic(.`init`, _, _)): return (.held, "panic, keys and slots erased")
        default: return (.missed, result.ending.description)
        }
    }
}
