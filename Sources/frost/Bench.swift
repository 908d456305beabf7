import ArgumentParser
import Foundation
import FrostMeasure
import FrostReport
import FrostSupport

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time page cipher and page misses on this CPU, against their limits and against libraries.",
        discussion: """
            All rows of a run take turns. "limit" is what no cipher can beat: the AES rounds alone for a page in the \
            cache, the copying alone for a swap. For a miss, which the hypervisor's own pager serves here, it is the \
            copying and then the AES rounds of the pages that come and go. Ratios carry over to other machines, times \
            do not. What cannot be measured here is a line that begins with SKIP. How to read the table: \
            docs/evidence/cipher.md.
            """)

    @Argument(help: "What is timed, beside page faults in user space: cipher, miss; by default both.")
    var subjects: [CipherBenchmark.Subject] = CipherBenchmark.Subject.allCases

    @Option(help: "Samples of each row.")
    var rounds = 1000

    @Option(help: "Memory for the pages that are swapped.", transform: { try ByteCount(parsing: $0) })
    var memory = 512 * ByteCount.mebibyte

    @Option(help: "Write a bar chart, as SVG, to this file.", completion: .file(extensions: ["svg"]))
    var chart: String?

    @Option(help: "How the table is printed.")
    var format = OutputFormat.text

    func run() throws {
        let benchmark = try CipherBenchmark(subjects: Set(subjects), rounds: rounds, memory: memory)
        if let chart {
            try Data(CipherChart(benchmark).svg.utf8).write(to: URL(filePath: chart), options: .atomic)
        }
        try format.print(benchmark)
    }
}

extension CipherBenchmark.Subject: ExpressibleByArgument {}
