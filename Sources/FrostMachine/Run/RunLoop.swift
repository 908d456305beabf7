import Foundation
import FrostFormat
import FrostSupport
import Glibc

/// Watches one machine until its run ends: console, trace, hooks, time.
struct RunLoop {
    private let machine: Machine
    private let options: RunOptions
    /// The console, to be read.
    private let output: Int32
    private let attend: () -> Void
    private let isInterrupted: () -> Bool
    private let ending: MachineEnding
    private var prompts: PromptWatch
    private var until: TextWatch?
    private var keyboard: Keyboard?
    private var hooks: [HookClock]
    private var console: FileHandle?
    private var traceFile: FileHandle?
    private var isConsoleOpen = true

    private static let tickMilliseconds: Int32 = 20
    /// For the machine to go by itself, and after being asked to.
    private static let grace = Duration.seconds(3)

    init(_ started: StartedMachine, options: RunOptions, isInterrupted: @escaping () -> Bool) {
        (machine, output, attend) = (started.machine, started.output, started.attend)
        (ending, self.options, self.isInterrupted) = (started.ending, options, isInterrupted)
        prompts = PromptWatch(passphrase: machine.image.needsPassphrase ? options.passphrase : nil)
        until = options.until.map { TextWatch($0) }
        keyboard = options.isInteractive ? Keyboard() : nil
        hooks = options.hooks.map { HookClock($0) }
        if let period = options.nmiEvery {
            // Before the launch nothing would handle it.
            hooks.append(HookClock(Hook(.every(period.duration)) { try $0.injectNMI() }, needsLaunch: true))
        }
        console = try? FileHandle(forWritingTo: machine.folder.console)
        traceFile = try? FileHandle(forReadingFrom: machine.folder.trace)
    }

    /// Returns when the child is gone, also when a hook throws.
    mutating func run<Process: MachineProcess & ~Copyable>(
        _ child: borrowing Process
    ) throws -> (RunEnding, ChildProcess.End) {
        _ = fcntl(output, F_SETFL, O_NONBLOCK)
        var found: RunEnding?
        var failure: (any Error)?
        do {
            if let saved = options.saved {
                try saved.restore(machine.qmp())
                machine.hideRAM()
            }
            while found == nil && isConsoleOpen { found = try look() }
            for hook in hooks { try hook.fireAtEnd(machine) }
        } catch {
            failure = error
        }
        let end = finish(
            child,
            isEndingItself: found.map { ending.goesAfter.contains($0.kind) } ?? true && failure == nil)
        if let failure { throw failure }
        if let ending = found ?? machine.trace.ending { return (ending, end) }
        if let loss = child.loss { throw loss }
        return (.died(status: end.status, wasSignalled: end.wasSignalled), end)
    }

    /// One look at everything; an ending when there is one.
    private mutating func look() throws -> RunEnding? {
        wait()
        listen()
        if until?.look(at: machine.console) ?? false { return .untilText }
        if let ending = machine.trace.ending { return ending }
        if !machine.trace.hasLaunched && prompts.isRefused(machine.console) { return .wrongPassphrase }
        if isInterrupted() { return .interrupted }
        if machine.hasTimeLimit && machine.elapsed > options.timeLimit.duration { return .timeLimit }
        for index in hooks.indices { try hooks[index].fire(machine) }
        return machine.isStopRequested ? .stopped : nil
    }

    private func wait() {
        var polled = [pollfd(fd: output, events: Int16(POLLIN), revents: 0)]
        if keyboard?.isOpen ?? false {
            polled.append(pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0))
        }
        _ = poll(&polled, UInt(polled.count), Self.tickMilliseconds)
    }

    /// Takes what console, keyboard and trace have now. Returns whether the console may have more.
    @discardableResult
    private mutating func listen() -> Bool {
        if let typed = keyboard?.read() {
            machine.type(typed.bytes)
            if typed.wantsEnd { machine.stop() }
        }
        attend()
        var isMore = false
        if isConsoleOpen, let bytes = Descriptor.read(output) {
            isConsoleOpen = !bytes.isEmpty
            isMore = isConsoleOpen
            if isMore { machine.hideRAM() }
            machine.console += bytes
            try? console?.write(contentsOf: bytes)
            options.console?(bytes)
        }
        if let answer = prompts.answer(machine.console) { machine.type(answer) }
        if let bytes = try? traceFile?.readToEnd() { machine.addTrace([UInt8](bytes)) }
        return isMore
    }

    /// Leaves nothing running: waits, asks, insists, kills.
    private mutating func finish<Process: MachineProcess & ~Copyable>(
        _ child: borrowing Process, isEndingItself: Bool
    ) -> ChildProcess.End {
        if isEndingItself, let end = drain(child) { return end }
        for request in ending.requests {
            switch request {
            case .quit: if (try? machine.qmp().execute("quit")) == nil { continue }
            case .terminate: child.send(SIGTERM)
            }
            if let end = drain(child) { return end }
        }
        child.send(SIGKILL)
        return child.end(waiting: true) ?? .init(status: SIGKILL, wasSignalled: true, userSeconds: 0)
    }

    /// Listens on until the child has ended; nil when it takes too long.
    private mutating func drain<Process: MachineProcess & ~Copyable>(
        _ child: borrowing Process
    ) -> ChildProcess.End? {
        let deadline = ContinuousClock.now + Self.grace
        while ContinuousClock.now < deadline {
            let end = child.end(waiting: false)
            if isConsoleOpen { wait() } else if end == nil { usleep(5000) }
            if let end {
                while listen() {}
                return end
            }
            listen()
        }
        return nil
    }
}
