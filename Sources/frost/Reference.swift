import ArgumentParser
import Foundation
import FrostAttest
import FrostFormat
import FrostImage

struct Reference: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Say what identifies an image: which of its bytes are measured, and what its hypervisor is built of.",
        discussion: """
            With --format json this is the file that frost sign-image signs and frost verify-image reads. What it leaves \
            out of an image is not measured: docs/guide/signing.md says why.
            """)

    @Argument(help: "The image.", completion: .file(extensions: ["img"]))
    var image: String

    @Option(help: "How it is printed.")
    var format = OutputFormat.text

    func run() throws {
        let image = try BootImage(reading: URL(filePath: image))
        let build = try (try? SourceTree()).flatMap {
            try HypervisorBuild.ofHypervisor(in: image, from: $0, progress: Talk.say)
        }
        try format.print(ImageReference(of: image, build: build))
    }
}
