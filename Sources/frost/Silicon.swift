import ArgumentParser
import Foundation
import FrostReport
import FrostSilicon
import FrostSupport

struct Silicon: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge what the silicon image said of a PC's caches, claim by claim.",
        discussion: """
            RESULT is what came over the serial line, or a copy of the screen's pages; text around the result is skipped. \
            The image is made by frost make-image --silicon: docs/guide/silicon.md. A result of an emulator or a guest \
            proves nothing, and no checksum is a signature: whoever publishes a result answers for it.

            Exit codes: 0 when no claim is contradicted; 1 when one is; 2 when the result proves nothing; 65 when it is \
            cut, damaged or no result; 66 when there is no such file.
            """)

    @Argument(help: "A file with the result.", completion: .file())
    var result: String?

    @Option(
        help: "Instead of a result: a folder of what --format json wrote, as a table in Markdown.",
        completion: .directory)
    var table: String?

    @Option(help: "Write a page to publish to this file as well.", completion: .file(extensions: ["html"]))
    var html: String?

    @Option(help: "How the answer is printed; json is what is published.")
    var format = OutputFormat.text

    func validate() throws {
        guard (result == nil) != (table == nil) else {
            throw ValidationError("Give a file with a result, or --table FOLDER.")
        }
        guard html == nil || table == nil else { throw ValidationError("--html goes with a result.") }
    }

    func run() throws {
        if let table {
            return try format.print(SiliconTable(reading: URL(filePath: table, directoryHint: .isDirectory)))
        }
        let report = SiliconReport(try SiliconResult(reading: URL(filePath: result ?? "")))
        if let html { try Output.write(SiliconPage(report).html, to: html) }
        try format.print(report)
        report.warnings.forEach { Talk.say($0) }
        throw Outcome(exitCode: report.exitCode)
    }
}
