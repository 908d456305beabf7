import ArgumentParser
import Foundation
import FrostFormat
import FrostMeasure
import FrostSupport

struct Exits: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show how many instructions the hypervisor spends on each kind of exit.",
        discussion: """
            The run must be recorded with frost run --count-instructions, its image made with --trace-every 1. \
            images/exits is a guest that provokes every kind. How to read the table: docs/design/exit-path.md.

            Exit codes: 0; with --check, 1 when a kind costs more than its budget allows.
            """)

    @Argument(help: "A run's folder.", completion: .directory)
    var recording: String

    @Flag(help: "Say what the instructions are spent on, function by function.")
    var functions = false

    @Flag(help: "Hold the medians against the budget.")
    var check = false

    @Option(help: "How the table is printed; json has the functions always.")
    var format = OutputFormat.text

    func run() throws {
        let folder = RunFolder(URL(filePath: recording, directoryHint: .isDirectory))
        let costs = try ExitCosts(InstructionRecord(reading: folder), Trace(reading: folder.folder))
        try format.print(costs)
        if functions && format == .text { print("\n" + costs.functionTables) }
        guard check else { return }
        let violations = costs.overBudget
        violations.forEach { Talk.say("over budget: \($0)") }
        throw Outcome(exitCode: violations.isEmpty ? .asAsked : .otherwise)
    }
}
