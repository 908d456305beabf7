import ArgumentParser
import Foundation
import FrostKit

struct TraceTable: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Show what the hypervisor counted and timed in a recorded run.",
        discussion: "Counts are exact. Cycles are of sampled exits: one in --trace-every of make-image.")

    @Argument(help: "A run's folder, or its trace.bin.", completion: .file())
    var recording: String

    @Option(help: "How the tables are printed.")
    var format = OutputFormat.text

    func run() throws {
        try format.print(TraceSummary(Trace(reading: URL(filePath: recording))))
    }
}
