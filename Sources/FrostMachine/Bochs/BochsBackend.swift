import Foundation
import FrostFormat
import FrostHost
import FrostSupport
import Glibc

/// Bochs, with CPUs of both vendors on any host.
struct BochsBackend: Backend {
    let capabilities: Set<Capability> = [.memoryDump, .accessTrace, .vmx]

    func refusal(_ missing: Capability) -> Platform.Failure { .lacks(.bochs, missing) }

    private static let packages = "bochs bochs-term bochsbios vgabios"

    func lack(on host: HostKVM) -> String? {
        let needed = [Bochs.biosImage, Bochs.videoBIOSImage]
        let isThere = needed.allSatisfy { FileManager.default.fileExists(atPath: $0) }
        guard !isThere || (try? Tool.bochs.locate()) == nil else { return nil }
        return
            "Bochs, its display 'term' or its BIOS images are missing: apt-get install -y \(Self.packages)."
    }

    /// It boots again after a reset, and its curses screen swallows SIGTERM.
    private let ending = MachineEnding(goesAfter: [.powerOff, .sleep], requests: [])

    /// Not the way in, and not that the guest powered the machine off.
    func messages(in log: String) -> String {
        log.split(whereSeparator: \.isNewline)
            .filter { $0.contains(">>PANIC<<") && !$0.contains("ACPI control: soft power off") }
            .joined(separator: "\n")
    }

    func boot(_ run: RunJob, in folder: RunFolder) throws -> RunResult {
        let (image, options) = (run.image, run.options)
        let console = try PseudoTerminal()
        let isDriven = options.keepsRAM || options.windows != nil
        let bochs = Bochs(
            ram: image.plan.ram, cpu: options.cpu ?? CPUChoice(for: image.engine), console: console.path,
            folder: folder, isDriven: isDriven)
        let dump = isDriven ? try ramDump(of: run, into: folder) : nil
        try bochs.prepare(image: image.file)
        defer { [folder.disk, folder.diskJournal].forEach { unlink($0.plainPath) } }
        let (program, arguments) = try bochs.command.bound()
        let child = try ChildProcess(
            program, arguments, input: isDriven ? .pipe : .none, output: .none,
            error: .file(folder.machineLog), inherits: console.held)
        console.letGo()
        let (process, commands) = (child.identifier, child.input)
        let machine = Machine(
            image: image, folder: folder, platform: .bochs, ram: nil, ramFile: nil, input: console.descriptor,
            connect: nil, cut: { kill(process, SIGKILL) }, clock: .own(Bochs.clock))
        var started = StartedMachine(
            machine: machine, output: console.descriptor, commandLine: bochs.command.text, ending: ending,
            messages: messages)
        if let dump {
            let debugger = BochsDebugger(
                folder, input: commands, dump: dump.dump,
                script: try DebuggerScript(options.windows, dump: dump.dump, symbols: dump.symbols))
            started.attend = debugger.look
            started.conclude = debugger.keepMemory
        }
        return try run.watch(child, started)
    }

    private func ramDump(
        of run: RunJob, into folder: RunFolder
    ) throws -> (dump: RAMDump, symbols: SymbolTable) {
        guard let symbols = run.options.symbols else { throw Platform.Failure.noSymbols(.bochs) }
        let dump = try RAMDump(run.image.plan, symbols: symbols, file: folder.ram.lastPathComponent)
        guard RAMDump.prepare(folder.ram) else { throw RunFolder.Failure.cannotWrite(folder.ram.plainPath) }
        return (dump, symbols)
    }
}
