import ArgumentParser
import Foundation
import FrostMachine
import FrostMeasure

struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Show what the hypervisor counted and timed in a recorded run, or compare two runs.",
        discussion: """
            How often something happened, and how long it took in all, is exact. Percentiles and the timeline are made \
            of sampled exits: one in --trace-every of make-image; 1 records all. Times are in cycles of the \
            time-stamp counter or in instructions, as the run's clock counts; run.json says which.
            Exports: json (summary and records), csv (a row a record), perfetto (open it in ui.perfetto.dev or \
            chrome://tracing).
            """)

    @Argument(help: "A run's folder, or its trace.bin; two of them are compared.", completion: .file())
    var recordings: [String]

    @Option(help: "Write the run for another program: json, csv or perfetto.")
    var export: TraceExport?

    @Option(name: .shortAndLong, help: "Where to; else to standard output.", completion: .file())
    var output: String?

    @Option(help: "How the tables are printed.")
    var format = OutputFormat.text

    func validate() throws {
        guard (1...2).contains(recordings.count) else {
            throw ValidationError("Name one run, or two to compare them.")
        }
        guard export == nil || recordings.count == 1 else {
            throw ValidationError("--export writes one run: name one.")
        }
        guard output == nil || export != nil else { throw ValidationError("-o goes with --export.") }
    }

    func run() throws {
        let runs = try recordings.map { try RecordedRun(reading: URL(filePath: $0)) }
        if let export {
            try Output.write(export.text(runs[0]), to: output)
        } else if runs.count == 2 {
            try format.print(TraceComparison(runs[0], runs[1]))
        } else {
            try format.print(runs[0].summary())
        }
    }
}
