import FrostCore
import FrostFormat
import FrostMachine
import FrostProof
import FrostSupport
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
    private var looked = ContinuousClock.now
    private var finding: AttackJudge.Finding?
    /// What the search found in DRAM at the end; after a panic, in all of memory.
    private var leftovers: [MemorySearch.Find] = []
    private var isHalted = false
    private var targets: [String] = []

    /// Tries to find the guest in a state that offers a target, and the guest's time between two.
    private static let tries = 20
    private static let betweenTries = Duration.milliseconds(100)
    /// How long the guest goes on after an interruption before it is searched.
    private static let aftermath = Duration.milliseconds(300)
    /// How long a panic may take that must come.
    private static let untilPanic = Duration.seconds(10)

    /// RFLAGS.IF.
    private static let interruptFlag: UInt64 = 1 << 9

    init(_ attack: Attack, on base: AttackBase, watch: Duration, isInterrupted: @escaping () -> Bool) {
        (self.attack, self.base, self.watch, self.isInterrupted) = (attack, base, watch, isInterrupted)
    }

    /// - Throws: as ``Run/boot()``; ``AttackInterrupted`` when a signal came.
    func run() throws -> AttackOutcome {
        var options = RunOptions()
        options.saved = base.machine
        options.board = base.board
        options.takesMessages = true
        options.hooks = [
            Hook(.every(.zero)) { [self] machine in try look(machine) },
            Hook(.end) { [self] machine in try search(machine) },
        ]
        let result = try Run(base.image, options: options).boot()
        if isInterrupted() { throw AttackInterrupted() }
        let finding = try verdict(result)
        return AttackOutcome(
            number: attack.number, seed: attack.seed, kind: attack.kind,
            targets: judge?.strike.names ?? targets, verdict: finding.verdict, reason: finding.reason)
    }

    // MARK: while the machine runs

    private func look(_ machine: Machine) throws {
        if isInterrupted() { return machine.stop() }
        if !isStruck {
            sleep(attack.wait)
            switch attack.kind {
            case _ where attack.kind.changesDRAM: try strike(machine)
            case .device: try device(machine)
            case .secondCPU, .secondCPUByNMI: try secondCPU(machine)
            default: try interrupt(machine)
            }
            isStruck = true
            judged = ContinuousClock.now
            looked = judged
        } else if let judge {
            try watch(machine, judge)
        } else if attack.kind != .kill, ContinuousClock.now > looked + Self.aftermath {
            looked = ContinuousClock.now
            try lookAfterInterruption(machine)
        }
    }

    private func strike(_ machine: Machine) throws {
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
                let frames = try attacker.drawFrame(attack.kind, in: machine.ram)
                judge = AttackJudge(strike: try Strike(homes, frames: frames, on: machine, view))
                return try machine.resume()
            }
            _ = generator.next()
            try machine.resume()
            sleep(Self.betweenTries)
        }
        finding = (.notDone, "no page offered itself")
        machine.stop()
    }

    private func device(_ machine: Machine) throws {
        sleep(attack.listening)
        var strike = try DeviceStrike(attack, base, machine)
        targets = [strike.target.description]
        finding = try strike.carryOut(on: machine)
        machine.stop()
    }

    private func secondCPU(_ machine: Machine) throws {
        sleep(attack.listening)
        do {
            // Where the guest can start a CPU, it may have done so by now.
            let ambush = try CPUAmbush(attack, base, machine)
            targets = [ambush.description]
            judged = ContinuousClock.now
            try watch(machine, ambush)
        } catch QMP.Failure.gone, Machine.Failure.neverThere {
            finding = (.missed, "the machine did not go on: another CPU may have stopped it")
        }
        machine.stop()
    }

    private func watch(_ machine: Machine, _ ambush: CPUAmbush) throws {
        // The guest is to send for it as well.
        repeat {
            sleep(Self.aftermath)
            finding = try ambush.finding(machine, symbols: base.symbols)
            if try ambush.isOver(machine, symbols: base.symbols) || finding?.verdict == .missed { break }
            try machine.resume()
        } while ContinuousClock.now < judged + watch
    }

    private func interrupt(_ machine: Machine) throws {
        sleep(attack.listening)
        switch attack.kind {
        case .kill: machine.cutPower()
        case .reset: try machine.reset()
        case .initialise:
            // QEMU lets the CPU start anew whatever it does, where a CPU would wait for the guest and then exit.
            try machine.goesOnAfterReset()
            try machine.send(.initialise)
        case .nmi: try machine.injectNMI()
        case .smi: try machine.send(.smi)
        default: break
        }
    }

    private func watch(_ machine: Machine, _ known: AttackJudge) throws {
        var judge = known
        defer { self.judge = judge }
        judge.take(try judge.strike.position.records(of: machine, nil))
        let isOver = ContinuousClock.now > judged + watch || judge.isBackEverywhere
        guard isOver || judge.isSettled else { return }
        do {
            try machine.pauseInGuest()
        } catch Machine.Failure.neverThere {
            return  // It has panicked meanwhile: the end record is on its way.
        }
        let view = try FrozenView(machine, symbols: base.symbols)
        judge.take(try judge.strike.position.records(of: machine, view))
        finding = try judge.survived(view)
        machine.stop()
    }

    private func lookAfterInterruption(_ machine: Machine) throws {
        switch attack.kind {
        case .smi:
            // What stands in DRAM now is enough: no panic takes it back.
            let isOver = ContinuousClock.now > judged + Self.untilPanic
            guard try isOver || !strays(in: machine.ram).isEmpty else { return }
            try machine.pause()
        case .nmi: try auditAfterNMI(machine)
        default: try machine.pause()
        }
        machine.stop()
    }

    private func auditAfterNMI(_ machine: Machine) throws {
        try machine.pauseInGuest()
        if let page = try TreeAudit(FrozenView(machine, symbols: base.symbols)).broken.first {
            finding = (.missed, "\(pageName(page)) broke")
        }
    }

    private func sleep(_ duration: Duration) {
        usleep(UInt32(duration / .microseconds(1)))
    }

    // MARK: afterwards

    private func search(_ machine: Machine) throws {
        let hasPanicked = machine.trace.ending?.kind == .panic
        if hasPanicked {
            isHalted = try hasHalted(machine)
            if let judge { self.judge?.take(try judge.strike.position.records(of: machine, nil)) }
        }
        leftovers = try hasPanicked ? base.needles.finds(in: machine.ram) : strays(in: machine.ram)
    }

    /// What stands where a listener on the bus has seen it.
    private func strays(in ram: GuestRAM) throws -> [MemorySearch.Find] {
        try base.needles.finds(in: ram).filter { !base.image.plan.frozenRegion.contains($0.address) }
    }

    /// Whether the hypervisor has stopped the CPU for good: halted, with interrupts off, and not the guest.
    private func hasHalted(_ machine: Machine) throws -> Bool {
        for _ in 0..<Self.tries {
            try machine.pause()
            if try machine.register("HLT") == 1 {
                let isDeaf = try machine.register("RFL") & Self.interruptFlag == 0
                return try isDeaf && base.image.plan.frozenRegion.contains(machine.register("CR3"))
            }
            try machine.resume()
            usleep(5000)
        }
        return false
    }

    private func verdict(_ result: RunResult) throws -> AttackJudge.Finding {
        if finding?.verdict == .notDone, let finding { return finding }
        if let find = leftovers.first {
            return (.missed, "'\(find.needle)' stands in memory at \(find.address.hexadecimal)")
        }
        if !base.firmware.finds(in: result.console).isEmpty {
            return (.missed, "the guest found the firmware's memory changed")
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
            return judge.panicked(at: page_make(UInt32(level), index))
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
        case (.initialise, .stopped): return (.held, "nothing in DRAM after the CPU started anew")
        case (.initialise, .panic(.`init`, _, _)), (.smi, .panic(.smi, _, _)):
            return (.held, "panic, keys and slots erased")
        default: return (.missed, result.ending.description)
        }
    }
}
