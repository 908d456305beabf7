import ArgumentParser
import Foundation
import FrostImage
import FrostSweep

struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract:
            "Run a matrix of images, platforms and settings; go on after a kill; compare with an earlier one.",
        discussion: """
            The file says what is varied: docs/guide/sweeps.md; images/sweeps has one. What is finished stays \
            finished: the same command again runs only what is missing, or what the file, the hypervisor or the \
            guest changed.

            DIR then holds sweep.json (all results), junit.xml (for continuous integration) and cells/NAME (each \
            run's folder, as of frost run --record).

            Exit codes: 0 all passed, 1 a cell failed, 3 worse than the baseline, 69 a cell could not be run; \
            others as for frost run. Cells that this host cannot run are skipped, and say why.
            """)

    @Argument(help: "The sweep, in YAML.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @Option(name: .shortAndLong, help: "Where the results go.", completion: .directory)
    var output: String?

    @Option(help: "How many cells run at a time. (default: one for each of this machine's CPUs)")
    var jobs: Int?

    @Option(help: "Compare with this sweep.json.", completion: .file(extensions: ["json"]))
    var baseline: String?

    @Option(
        help: """
            By how much cells may be worse than the baseline, such as misses=2%,user-seconds=50%. Metrics: \
            \(SweepMetric.allCases.map(\.rawValue).joined(separator: ", ")).
            """,
        transform: { try SweepTolerance.parse($0) })
    var tolerance: [SweepMetric: SweepTolerance]?

    @Flag(help: "Run failed cells again.")
    var retryFailed = false

    @Flag(help: "Say which cells there are, and run none.")
    var list = false

    @Option(help: "How the results are printed.")
    var format = OutputFormat.text

    func validate() throws {
        guard list || output != nil else {
            throw ValidationError("Give a folder for the results with -o, or --list.")
        }
        guard jobs ?? 1 > 0 else { throw ValidationError("--jobs wants at least 1.") }
        guard tolerance == nil || baseline != nil else {
            throw ValidationError("--tolerance goes with --baseline.")
        }
    }

    func run() throws {
        let tree = try SourceTree()
        let matrix = try SweepMatrix(reading: URL(filePath: file), in: tree)
        guard let output, !list else { return try format.print(SweepList(matrix)) }
        // Before hours of work, not after.
        let baseline = try baseline.map { try SweepReport(reading: URL(filePath: $0)) }
        var sweep = Sweep(
            matrix, in: URL(filePath: output, directoryHint: .isDirectory), tree: tree,
            frost: URL(filePath: "/proc/self/exe").resolvingSymlinksInPath(),
            jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount, progress: Talk.say)
        sweep.retriesFailed = retryFailed
        (sweep.baseline, sweep.tolerances) = (baseline, tolerance ?? [:])
        let report = try sweep.run()
        try format.print(report)
        throw Outcome(exitCode: report.exitCode)
    }
}
