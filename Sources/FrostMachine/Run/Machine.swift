import Foundation
package import FrostFormat
import FrostHost
import FrostSupport
import Glibc

/// A machine that boots one image once.
package struct Machine {
    package let image: BootImage
    package let options: RunOptions

    /// - Throws: ``Platform/Failure`` when the platform cannot run here, ``Passphrase/Failure/noTerminal`` when
    ///   the image needs a passphrase and nobody can type it.
    package init(_ image: BootImage, options: RunOptions) throws {
        try options.platform.check(connect: options.connect)
        try options.platform.check(options)
        let isUnlocked = options.passphrase != nil || options.saved != nil || options.isInteractive
        if image.needsPassphrase && !isUnlocked {
            throw Passphrase.Failure.noTerminal
        }
        self.image = image
        self.options = options
    }

    /// Boots, and comes back when the run has ended; nothing of it is left running then.
    package func run() throws -> RunResult {
        let folder = RunFolder(options.record ?? Self.temporary("run"))
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        return try run(in: folder)
    }

    /// - Parameter folder: locked by the caller.
    package func run(in folder: RunFolder) throws -> RunResult {
        signal(SIGPIPE, SIG_IGN)
        let signals = options.catchesSignals ? SignalWatch() : nil
        defer { withExtendedLifetime(signals) {} }
        let keeper = options.record == nil ? try ScratchKeeper([folder.folder]) : nil
        defer { keeper?.clean() }
        try folder.prepare(for: image.file)
        return switch options.platform {
        case .bochs: try runBochs(in: folder)
        case .qemuTCG, .qemuKVM: try runQEMU(in: folder)
        case .libvirt: try runLibvirt(in: folder)
        }
    }

    private func runQEMU(in folder: RunFolder) throws -> RunResult {
        let ramFile = try memory(in: folder)
        let socket = Self.socket()
        let messages = options.takesMessages ? socket + ".msg" : nil
        let keeper = try ScratchKeeper(
            [socket, messages].compactMap { $0.map { URL(filePath: $0) } }
                + (options.keepsRAM ? [] : [ramFile]))
        defer { keeper.clean() }
        if let saved = options.saved {
            try saved.copyRAM(to: ramFile)
            try Data(saved.trace).write(to: folder.trace)
        }

        let plugin =
            try options.instructions?.argument(folder)
            ?? options.residency?.argument(record: folder.folder, ramFile: ramFile, plan: image.plan)
        let qemu = QEMU(
            platform: options.platform, image: image.file, disk: disk,
            ram: image.plan.ram, ramFile: ramFile, trace: folder.trace, controlSocket: socket,
            messageSocket: messages, plugin: plugin, isRestored: options.saved != nil,
            cpu: options.cpu ?? CPUChoice.shownByQEMU(on: options.platform), seed: options.seed,
            countsInstructions: options.instructions != nil)
        let (program, arguments) = try Self.bound(qemu)
        let child = try ChildProcess(
            program, arguments, input: .pipe, output: .pipe, error: .file(folder.machineLog))
        let (input, output, process) = (child.input, child.output, child.identifier)
        let ram = try GuestRAM(ramFile, ram: image.plan.ram)
        return try watch(child, output: output, emulator: qemu) {
            RunningMachine(
                image: image, folder: folder, platform: options.platform, ram: ram,
                ramFile: options.keepsRAM ? nil : ramFile, messageSocket: messages, input: input,
                connect: { try QMP(connecting: socket) }, cut: { kill(process, SIGKILL) },
                clock: options.instructions.map { _ in .countedByQEMU })
        }
    }

    private func runBochs(in folder: RunFolder) throws -> RunResult {
        let console = try PseudoTerminal()
        let isDriven = options.keepsRAM || options.windows != nil
        let bochs = Bochs(
            ram: image.plan.ram, cpu: options.cpu ?? CPUChoice(for: image.engine), console: console.path,
            folder: folder, isDriven: isDriven)
        let dump = isDriven ? try ramDump(into: folder) : nil
        try bochs.prepare(image: image.file)
        defer { [folder.disk, folder.diskJournal].forEach { unlink($0.plainPath) } }
        let (program, arguments) = try Self.bound(bochs)
        let child = try ChildProcess(
            program, arguments, input: isDriven ? .pipe : .none, output: .none,
            error: .file(folder.machineLog), inherits: console.held)
        console.letGo()
        let (process, commands) = (child.identifier, child.input)
        let debugger = try dump.map {
            BochsDebugger(
                folder, input: commands, dump: $0.dump,
                script: try DebuggerScript(options.windows, dump: $0.dump, symbols: $0.symbols))
        }
        return try watch(child, output: console.descriptor, emulator: bochs, debugger: debugger) {
            RunningMachine(
                image: image, folder: folder, platform: options.platform, ram: nil, ramFile: nil,
                input: console.descriptor, connect: nil, cut: { kill(process, SIGKILL) })
        }
    }

    private func ramDump(into folder: RunFolder) throws -> (dump: RAMDump, symbols: SymbolTable) {
        guard let symbols = options.symbols else { throw Platform.Failure.noSymbols(options.platform) }
        let dump = try RAMDump(image.plan, symbols: symbols, file: folder.ram.lastPathComponent)
        guard RAMDump.prepare(folder.ram) else { throw RunFolder.Failure.cannotWrite(folder.ram.plainPath) }
        return (dump, symbols)
    }

    /// Waits for the end of what was started, and judges it.
    func watch<Process: MachineProcess & ~Copyable>(
        _ child: borrowing Process, output: Int32, emulator: any Emulator, debugger: BochsDebugger? = nil,
        _ describe: () -> RunningMachine
    ) throws -> RunResult {
        let machine = describe()
        var loop = RunLoop(
            machine: machine, options: options, output: output, debugger: debugger,
            isInterrupted: { [options] in options.catchesSignals && SignalWatch.isCaught })
        let (ending, end) = try loop.run(child)
        try emulator.writeLog(to: machine.folder.machineLog)

        let (code, complaints) = Expectation(options).judge(ending, console: machine.console)
        let result = RunResult(
            ending: ending, exitCode: code, complaints: complaints,
            warnings: warnings(machine, ending, emulator) + (debugger?.keepMemory() ?? []),
            console: machine.console, trace: machine.trace, clock: machine.clock,
            wallSeconds: machine.elapsed / .seconds(1), userSeconds: end.userSeconds,
            commandLine: emulator.commandLine)
        let report = RunReport(result, image: image, options: options)
        try Data(JSON.text(report).utf8).write(to: machine.folder.report)
        return result
    }

    private func warnings(
        _ machine: RunningMachine, _ ending: RunEnding, _ emulator: any Emulator
    ) -> [String] {
        var warnings: [String] = []
        let trace = machine.trace
        if trace.ending == nil && ending.kind != .wrongPassphrase {
            warnings.append("The trace has no end record: counts are missing.")
        }
        if trace.lostFrames > 0 { warnings.append("\(trace.lostFrames) trace frames were lost.") }
        if trace.noiseBytes > 0 { warnings.append("\(trace.noiseBytes) bytes of the trace are noise.") }
        let log = (try? String(contentsOf: machine.folder.machineLog, encoding: .utf8)) ?? ""
        let words = emulator.complaints(in: log)
        if !words.isEmpty {
            warnings.append(
                "The emulator said: " + words.suffix(2000).trimmingCharacters(in: .whitespacesAndNewlines))
        }
        if image.freeze == .window { warnings.append("Nothing was frozen: this baseline leaks by design.") }
        if !image.needsPassphrase { warnings.append("The image carries its own key: a demonstration only.") }
        return warnings
    }

    /// Has the kernel kill the child when we die, where setpriv can ask for that.
    private static func bound(_ emulator: any Emulator) throws -> (URL, [String]) {
        let program = try emulator.program.locate()
        guard let setpriv = try? Tool.setpriv.locate() else { return (program, emulator.arguments) }
        return (setpriv, ["--pdeathsig", "KILL", program.plainPath] + emulator.arguments)
    }

    private static func temporary(_ kind: String) -> URL {
        FileManager.default.temporaryDirectory.appending(
            path: "frost-\(kind)-\(UUID().uuidString.prefix(13))")
    }

    /// Linux allows a socket's path 107 bytes; ours get an ending.
    private static func socket() -> String {
        let path = temporary("qmp").plainPath
        return path.utf8.count < 100 ? path : "/tmp/" + (path as NSString).lastPathComponent
    }

    var disk: QEMU.Disk {
        image.entersRealMode || options.isSaveable || options.saved != nil ? .ide : .ahci
    }

    /// A new file of the machine's physical memory.
    func memory(in folder: RunFolder) throws -> URL {
        let file = options.keepsRAM ? folder.ram : Self.scratchRAM(image.plan.ram, folder: folder)
        guard truncateFile(file, to: image.plan.ram) else {
            unlink(file.plainPath)
            throw RunFolder.Failure.cannotWrite(file.plainPath)
        }
        return file
    }

    /// In memory where there is room: a file on disk would be written back again and again.
    private static func scratchRAM(_ ram: ByteCount, folder: RunFolder) -> URL {
        var space = statvfs()
        let shared = URL(filePath: "/dev/shm", directoryHint: .isDirectory)
        guard statvfs(shared.plainPath, &space) == 0, access(shared.plainPath, W_OK) == 0,
            UInt64(space.f_bavail) * UInt64(space.f_frsize) > ram.bytes
        else { return folder.ram }
        return shared.appending(path: "frost-\(UUID().uuidString.prefix(13)).ram")
    }

    /// A sparse file that only we can read: it holds plaintext slots.
    private func truncateFile(_ file: URL, to size: ByteCount) -> Bool {
        let descriptor = open(file.plainPath, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return ftruncate(descriptor, Int(size.bytes)) == 0
    }
}
