import Foundation
import FrostFormat
import FrostSupport
import Glibc

/// A run as a backend boots it.
struct RunJob {
    let image: BootImage
    let options: RunOptions

    var isInterrupted: Bool { options.catchesSignals && SignalWatch.isCaught }

    /// Waits for the end of what was started, and judges it.
    func watch<Process: MachineProcess & ~Copyable>(
        _ child: borrowing Process, _ started: StartedMachine
    ) throws -> RunResult {
        let machine = started.machine
        var loop = RunLoop(
            started, options: options, isInterrupted: { [self] in isInterrupted })
        let (ending, end) = try loop.run(child)
        let notes = try started.conclude()

        let (code, unmet) = Expectation(options).judge(ending, console: machine.console)
        let result = RunResult(
            ending: ending, exitCode: code, unmet: unmet,
            warnings: warnings(started, ending) + notes, console: machine.console, trace: machine.trace,
            clock: machine.clock, wallSeconds: machine.elapsed / .seconds(1), userSeconds: end.userSeconds,
            commandLine: started.commandLine)
        let report = RunReport(result, image: image, options: options)
        try Data(JSON.text(report).utf8).write(to: machine.folder.report)
        return result
    }

    private func warnings(_ started: StartedMachine, _ ending: RunEnding) -> [String] {
        var warnings: [String] = []
        let machine = started.machine
        let trace = machine.trace
        if trace.ending == nil && ending.kind != .wrongPassphrase {
            warnings.append("The trace has no end record: counts are missing.")
        }
        if trace.lostFrames > 0 { warnings.append("\(trace.lostFrames) trace frames were lost.") }
        if trace.noiseBytes > 0 { warnings.append("\(trace.noiseBytes) bytes of the trace are noise.") }
        let log = (try? String(contentsOf: machine.folder.machineLog, encoding: .utf8)) ?? ""
        let words = started.messages(log)
        if !words.isEmpty {
            warnings.append(
                "The emulator said: " + words.suffix(2000).trimmingCharacters(in: .whitespacesAndNewlines))
        }
        if image.freeze == .window { warnings.append("Nothing was frozen: this baseline leaks by design.") }
        if !image.needsPassphrase, !image.isSilicon {
            warnings.append("The image carries its own key: a demonstration only.")
        }
        return warnings
    }

    static func temporary(_ kind: String) -> URL {
        FileManager.default.temporaryDirectory.appending(
            path: "frost-\(kind)-\(UUID().uuidString.prefix(13))")
    }
}
