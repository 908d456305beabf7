import ArgumentParser
import FrostHost
import FrostMachine
import FrostSupport

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what this machine can do, what is missing, and how to get it.",
        discussion: "Exits with 0 when images can be built and run on the default platform, else with 69.")

    @Option(help: "How the findings are printed.")
    var format = OutputFormat.text

    func run() throws {
        let report = HostReport(platforms: Platform.states)
        try format.print(report)
        guard report.isReady else { throw Outcome(exitCode: .unavailable) }
    }
}
