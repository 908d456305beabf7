import ArgumentParser
import Foundation
import FrostAttack
import FrostImage
import FrostProof
import FrostSupport

struct ColdbootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coldboot",
        abstract: "Read the DRAM of a recorded run at some instants, and look for secrets in it.",
        discussion: """
            A record is what frost verify --record DIR leaves. Looked for, at any alignment: the run's canaries, \
            printable strings, every 16-byte block of the guest's image, any expanded AES key, and the \
            run's own keys, their round keys and hash keys. What each search can and cannot find: \
            docs/guide/coldboot.md.

            Exit codes: 0 when nothing was found, 1 when something was. Others:
            \(FrostSupport.ExitCode.table)
            """)

    @Argument(help: "The records: folders that frost verify --record made.", completion: .directory)
    var records: [String]

    @Option(
        help: "Instants: a number of instructions since reset, random:N, or end.",
        transform: { try ColdbootInstants(parsing: $0) })
    var at = ColdbootInstants.random(100)

    @Option(help: "Decides random instants, and which cells decay.")
    var seed: UInt64 = 1

    @Option(help: "Part of the cells that have lost their charge, 0 to 0.1.")
    var decay = 0.0

    @Option(help: "What such a cell reads as, 0 or 1. (default: bits flip either way)")
    var ground: Int?

    @Option(
        help: "Also look for this text, or 0x and hexadecimal digits. May be repeated.",
        transform: { try Canary(parsing: $0) })
    var canary: [Canary] = []

    @Option(
        help: "Also look for the blocks of this file, such as a vmlinux. May be repeated.",
        completion: .file())
    var known: [String] = []

    @Option(
        help:
            """
            Draw DRAM at the last instant, one pixel a page, the records side by side: a file.svg with a legend, or \
            a file.png of the pixels alone.
            """,
        completion: .file(extensions: ["svg", "png"]))
    var picture: String?

    @Option(help: "How the result is printed.")
    var format = OutputFormat.text

    func validate() throws {
        guard !records.isEmpty else { throw ValidationError("Name at least one record.") }
        guard picture.map({ ["svg", "png"].contains(URL(filePath: $0).pathExtension) }) ?? true else {
            throw ValidationError("--picture wants a name that ends in .svg or .png.")
        }
        guard (0...0.1).contains(decay) else {
            throw ValidationError(
                "--decay is a part of all cells, 0 to 0.1: more leaves nothing to search for.")
        }
        guard ground == nil || ((0...1).contains(ground ?? 0) && decay > 0) else {
            throw ValidationError("--ground is 0 or 1, and goes with --decay.")
        }
    }

    func run() throws {
        if let picture { try DRAMPicture.check(URL(filePath: picture)) }
        var reports: [ColdbootReport] = []
        var maps: [DRAMMap] = []
        for record in records {
            let record = try CacheRecord(
                reading: URL(filePath: record, directoryHint: .isDirectory))
            let (report, last) = try Coldboot(record, options: options) { Talk.say($0) }.run()
            reports.append(report)
            if picture != nil { maps.append(DRAMMap(report, last)) }
        }
        if let picture { try DRAMPicture(maps).write(to: URL(filePath: picture)) }
        try format.print(ColdbootReports(reports))
        throw Outcome(exitCode: reports.contains(where: \.hasFound) ? .otherwise : .asAsked)
    }

    private var options: Coldboot.Options {
        var options = Coldboot.Options()
        options.instants = at
        options.seed = seed
        options.decay = decay
        options.ground = ground
        options.canaries = canary
        options.known = known.map { URL(filePath: $0) }
        return options
    }
}

/// One report after another; as JSON, a list.
private struct ColdbootReports: Encodable, CustomStringConvertible {
    private let reports: [ColdbootReport]

    init(_ reports: [ColdbootReport]) {
        self.reports = reports
    }

    var description: String { reports.map(\.description).joined(separator: "\n\n") }

    func encode(to encoder: any Encoder) throws {
        try reports.encode(to: encoder)
    }
}
