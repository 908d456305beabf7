import ArgumentParser
import Foundation
import FrostFormat
import FrostMeasure
import FrostSupport

struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replay which pages a guest touched through the pager, for other sizes and policies.",
        discussion: """
            Record with frost verify IMAGE --record DIR --touches. The hypervisor's own pager runs here, natively, \
            against Belady's optimum. A folder gets the result as replay.json. How to read it: \
            docs/evidence/pager.md.
            """)

    @Argument(help: "A run's folder, or its touches.bin.", completion: .file())
    var recording: String

    @Option(
        help: "Size of the frozen region. May be repeated. (default: 2, 4, 8, 16, 32 and 64 MiB)",
        transform: { try ByteCount(parsing: $0) })
    var frozen: [ByteCount] = []

    @Option(help: "The same in slots. May be repeated.")
    var slots: [UInt32] = []

    @Option(help: "Who chooses what is evicted. May be repeated. (default: all)")
    var policy: [ReplayPolicy] = []

    @Option(help: "What to call it. (default: the folder's name)")
    var workload: String?

    @Option(help: "How the tables are printed.")
    var format = OutputFormat.text

    func run() throws {
        let usual = slots.isEmpty ? PagerReplay.usualRegions : []
        var replay = try PagerReplay(
            URL(filePath: recording), regions: frozen.isEmpty ? usual : frozen, slots: slots,
            workload: workload)
        if !policy.isEmpty { replay.policies = policy }
        replay.progress = Talk.say
        let report = try replay.report()
        if let folder = replay.folder {
            try Data(JSON.text(report).utf8).write(to: folder.replay, options: .atomic)
        }
        try format.print(report)
    }
}
