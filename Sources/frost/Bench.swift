import ArgumentParser
import Foundation
import FrostMeasure
import FrostReport
import FrostSupport

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time the page cipher on this CPU, against its limit and against libraries.",
        discussion: """
            All rows of a run take turns. "limit" is what no cipher can beat: the AES rounds alone for a page in the \
            cache, the copying alone for a swap. Ratios carry over to other machines, times do not. What cannot be \
            measured here is a line that begins with SKIP. How to read the table: docs/evidence/cipher.md.
            """)

    @Option(help: "Samples of each row.")
    var rounds = 1000

    @Option(help: "Memory for the pages that are swapped.", transform: { try ByteCount(parsing: $0) })
    var memory = 512 * ByteCount.mebibyte

    @Option(help: "Write a bar chart, as SVG, to this file.", completion: .file(extensions: ["svg"]))
    var chart: String?

    @Option(help: "How the table is printed.")
    var format = OutputFormat.text

    func run() throws {
        let benchmark = try CipherBenchmark(rounds: rounds, memory: memory)
        if let chart {
            try Data(CipherChart(benchmark).svg.utf8).write(to: URL(filePath: chart), options: .atomic)
        }
        try format.print(benchmark)
    }
}
