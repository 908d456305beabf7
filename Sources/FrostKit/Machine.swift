import Foundation
import Glibc

/// A machine that boots one image once.
public struct Machine {
    public let image: BootImage
    public let options: RunOptions

    /// - Throws: ``Platform/Failure`` when the platform cannot run here, ``Passphrase/Failure/noTerminal`` when
    ///   the image needs a passphrase and nobody can type it.
    public init(_ image: BootImage, options: RunOptions) throws {
        try options.platform.check()
        let isUnlocked = options.passphrase != nil || options.saved != nil || options.isInteractive
        if image.needsPassphrase && !isUnlocked {
            throw Passphrase.Failure.noTerminal
        }
        self.image = image
        self.options = options
    }

    /// Boots, and comes back when the run has ended; nothing of it is left running then.
    public func run() throws -> RunResult {
        let folder = RunFolder(options.record ?? Self.scratch())
        try folder.prepare(for: image.file)
        defer { if options.record == nil { try? FileManager.default.removeItem(at: folder.folder) } }
        let ramFile = options.keepsRAM ? folder.ram : Self.scratchRAM(image.plan.ram, folder: folder)
        // Short: a socket's path has at most 107 bytes.
        let socket = "/tmp/frost-\(UUID().uuidString.prefix(13)).qmp"
        let messages = options.takesMessages ? socket + ".msg" : nil
        defer {
            [socket, messages].compactMap(\.self).forEach { unlink($0) }
            if !options.keepsRAM { unlink(ramFile.plainPath) }
        }
        guard truncateFile(ramFile, to: image.plan.ram) else {
            throw RunFolder.Failure.cannotWrite(ramFile.plainPath)
        }
        if let saved = options.saved {
            try saved.copyRAM(to: ramFile)
            try Data(saved.trace).write(to: folder.trace)
        }

        let needsIDE = image.entersRealMode || options.isSaveable || options.saved != nil
        let qemu = QEMU(
            platform: options.platform, image: image.file, disk: needsIDE ? .ide : .ahci,
            ram: image.plan.ram, ramFile: ramFile, trace: folder.trace, controlSocket: socket,
            messageSocket: messages,
            plugin: options.residency?.argument(record: folder.folder, ramFile: ramFile, plan: image.plan),
            isRestored: options.saved != nil)
        signal(SIGPIPE, SIG_IGN)
        let watch = options.catchesSignals ? SignalWatch() : nil
        let (program, arguments) = try Self.bound(Tool.qemu.locate(), qemu.arguments)
        let child = try ChildProcess(
            program, arguments, input: .pipe, output: .pipe, error: .file(folder.machineLog))
        let ram = try GuestRAM(ramFile, ram: image.plan.ram)
        let machine = RunningMachine(
            image: image, folder: folder, ram: ram, ramFile: options.keepsRAM ? nil : ramFile,
            controlSocket: socket, messageSocket: messages, process: child.identifier, input: child.input)
        var loop = RunLoop(machine: machine, options: options, isInterrupted: { watch?.isCaught ?? false })
        let (ending, end) = try loop.run(child)

        let (code, complaints) = Expectation(options).judge(ending, console: machine.console)
        let result = RunResult(
            ending: ending, exitCode: code, complaints: complaints, warnings: warnings(machine, ending),
            console: machine.console, trace: machine.trace, wallSeconds: machine.elapsed / .seconds(1),
            userSeconds: end.userSeconds, commandLine: qemu.commandLine)
        try Data(JSON.text(RunReport(result, image: image, options: options)).utf8).write(to: folder.report)
        return result
    }

    private func warnings(_ machine: RunningMachine, _ ending: RunEnding) -> [String] {
        var warnings: [String] = []
        let trace = machine.trace
        if trace.ending == nil && ending.kind != .wrongPassphrase {
            warnings.append("The trace has no end record: counts are missing.")
        }
        if trace.lostFrames > 0 { warnings.append("\(trace.lostFrames) trace frames were lost.") }
        if trace.noiseBytes > 0 { warnings.append("\(trace.noiseBytes) bytes of the trace are noise.") }
        let words = (try? String(contentsOf: machine.folder.machineLog, encoding: .utf8)) ?? ""
        if !words.isEmpty {
            warnings.append(
                "QEMU said: " + words.suffix(2000).trimmingCharacters(in: .whitespacesAndNewlines))
        }
        if image.freeze == .window { warnings.append("Nothing was frozen: this baseline leaks by design.") }
        if !image.needsPassphrase { warnings.append("The image carries its own key: a demonstration only.") }
        return warnings
    }

    /// Has the kernel kill the child when we die, where setpriv can ask for that.
    private static func bound(_ program: URL, _ arguments: [String]) -> (URL, [String]) {
        guard let setpriv = try? Tool.setpriv.locate() else { return (program, arguments) }
        return (setpriv, ["--pdeathsig", "KILL", program.plainPath] + arguments)
    }

    private static func scratch() -> URL {
        FileManager.default.temporaryDirectory.appending(
            path: "frost-run-\(UUID().uuidString.prefix(13))", directoryHint: .isDirectory)
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
