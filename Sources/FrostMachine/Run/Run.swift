import Foundation
package import FrostFormat
import FrostSupport
import Glibc

/// One run of an image: a machine boots it once.
package struct Run {
    package let image: BootImage
    package let options: RunOptions
    private let backend: any Backend

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
        backend = options.platform.backend(connect: options.connect)
    }

    /// Boots, and comes back when the run has ended; nothing of it is left running then.
    package func boot() throws -> RunResult {
        let folder = RunFolder(options.record ?? Self.temporary("run"))
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        return try boot(in: folder)
    }

    /// - Parameter folder: locked by the caller.
    package func boot(in folder: RunFolder) throws -> RunResult {
        signal(SIGPIPE, SIG_IGN)
        let signals = options.catchesSignals ? SignalWatch() : nil
        defer { withExtendedLifetime(signals) {} }
        let keeper = options.record == nil ? try ScratchKeeper([folder.folder]) : nil
        defer { keeper?.clean() }
        try folder.prepare(for: image.file)
        return try backend.boot(self, in: folder)
    }

    var isInterrupted: Bool { options.catchesSignals && SignalWatch.isCaught }

    /// Waits for the end of what was started, and judges it.
    func watch<Process: MachineProcess & ~Copyable>(
        _ child: borrowing Process, _ started: StartedMachine
    ) throws -> RunResult {
        let machine = started.machine
        var loop = RunLoop(started, of: self, ending: backend.ending)
        let (ending, end) = try loop.run(child)
        let notes = try started.conclude()

        let (code, unmet) = Expectation(options).judge(ending, console: machine.console)
        let result = RunResult(
            ending: ending, exitCode: code, unmet: unmet,
            warnings: warnings(machine, ending) + notes, console: machine.console, trace: machine.trace,
            clock: machine.clock, wallSeconds: machine.elapsed / .seconds(1), userSeconds: end.userSeconds,
            commandLine: started.commandLine)
        let report = RunReport(result, image: image, options: options)
        try Data(JSON.text(report).utf8).write(to: machine.folder.report)
        return result
    }

    private func warnings(_ machine: Machine, _ ending: RunEnding) -> [String] {
        var warnings: [String] = []
        let trace = machine.trace
        if trace.ending == nil && ending.kind != .wrongPassphrase {
            warnings.append("The trace has no end record: counts are missing.")
        }
        if trace.lostFrames > 0 { warnings.append("\(trace.lostFrames) trace frames were lost.") }
        if trace.noiseBytes > 0 { warnings.append("\(trace.noiseBytes) bytes of the trace are noise.") }
        let log = (try? String(contentsOf: machine.folder.machineLog, encoding: .utf8)) ?? ""
        let words = backend.messages(in: log)
        if !words.isEmpty {
            warnings.append(
                "The emulator said: " + words.suffix(2000).trimmingCharacters(in: .whitespacesAndNewlines))
        }
        if image.freeze == .window { warnings.append("Nothing was frozen: this baseline leaks by design.") }
        if !image.needsPassphrase { warnings.append("The image carries its own key: a demonstration only.") }
        return warnings
    }

    static func temporary(_ kind: String) -> URL {
        FileManager.default.temporaryDirectory.appending(
            path: "frost-\(kind)-\(UUID().uuidString.prefix(13))")
    }
}
