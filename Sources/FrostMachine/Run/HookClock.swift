import FrostFormat

/// Knows when a hook is due.
struct HookClock {
    private let hook: Hook
    private let needsLaunch: Bool
    private var due: ContinuousClock.Instant
    private var isSpent = false
    private var text: TextWatch?

    init(_ hook: Hook, needsLaunch: Bool = false) {
        self.hook = hook
        self.needsLaunch = needsLaunch
        due = ContinuousClock.now
        if case .console(let text) = hook.moment { self.text = TextWatch(text) }
    }

    mutating func fire(_ machine: Machine) throws {
        switch hook.moment {
        case .every:
            guard ContinuousClock.now >= due, !needsLaunch || machine.trace.hasLaunched else { return }
        case .launch:
            guard !isSpent, machine.trace.hasLaunched else { return }
            isSpent = true
        case .console:
            guard !isSpent, text?.look(at: machine.console) ?? false else { return }
            isSpent = true
        case .end:
            return
        }
        try hook.action(machine)
        // Not sooner: else the machine stands still for good where an action takes longer than the period.
        if case .every(let period) = hook.moment { due = ContinuousClock.now + period }
    }

    func fireAtEnd(_ machine: Machine) throws {
        if case .end = hook.moment { try hook.action(machine) }
    }
}
