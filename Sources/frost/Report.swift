import ArgumentParser
import Foundation
import FrostMeasure
import FrostReport

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Show any number of recorded runs as one page of HTML.",
        discussion: """
            Folders are those of frost run --record, frost verify --record or frost sweep. The page holds everything \
            it shows: no network, no script. Which charts there are depends on what a folder has: verdict.json (of \
            frost verify) adds the six conditions, replay.json the misses that other policies and the optimum would \
            have had, a record of the residency plugin the picture of DRAM.
            """)

    @Argument(help: "Runs' folders, or sweeps'.", completion: .directory)
    var folders: [String]

    @Option(
        name: .shortAndLong, help: "Write the page to this file; else to standard output.",
        completion: .file(extensions: ["html"]))
    var output: String?

    @Option(
        help: "What frost bench --format json wrote: adds the cipher's chart.",
        completion: .file(extensions: ["json"]))
    var bench: String?

    @Flag(inversion: .prefixedNo, help: "Draw DRAM where it was recorded; takes seconds a run.")
    var dram = true

    func validate() throws {
        guard !folders.isEmpty else { throw ValidationError("Name at least one run's folder.") }
    }

    func run() throws {
        var options = Report.Options()
        options.drawsDRAM = dram
        options.benchmark = try bench.map { try CipherBenchmark(reading: URL(filePath: $0)) }
        let folders = folders.map { URL(filePath: $0, directoryHint: .isDirectory) }
        try Output.write(Report(folders, options: options, progress: Talk.say).html, to: output)
    }
}
