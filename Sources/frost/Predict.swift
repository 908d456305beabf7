import ArgumentParser
import Foundation
import FrostAttest
import FrostFormat
import FrostSupport

extension LaunchPrediction.Phase: ExpressibleByArgument {}
extension PCRBank: ExpressibleByArgument {}

struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what an image's start leaves in a TPM's PCRs 4, 8 and 9.",
        discussion: """
            PCR 9 identifies the image, PCR 8 says how far the hypervisor is; it extends both itself. PCR 4 is extended by UEFI \
            firmware: the value holds where the image is the first boot option, on firmware that measures as EDK II does. \
            Under a BIOS PCR 4 says nothing of an image.

            --format tpm2 writes the values as tpm2_pcrread -o does, for tpm2_policypcr --pcr; --format pcrlock a file for \
            systemd-pcrlock, of what is the image's own.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json, tpm2, pcrlock
    }

    @Argument(help: "The image.", completion: .file(extensions: ["img"]))
    var image: String

    @Option(help: "How far the hypervisor is.")
    var phase = LaunchPrediction.Phase.launched

    @Option(help: "The bank, with --format tpm2.")
    var bank: PCRBank?

    @Option(help: "How the prediction is printed.")
    var format = Format.text

    func validate() throws {
        guard bank == nil || format == .tpm2 else { throw ValidationError("--bank goes with --format tpm2.") }
    }

    func run() throws {
        let prediction = try LaunchPrediction(of: BootImage(reading: URL(filePath: image)), phase: phase)
        let report = PredictionReport(prediction)
        switch format {
        case .text: try OutputFormat.text.print(report)
        case .json: try OutputFormat.json.print(report)
        case .tpm2:
            try FileHandle.standardOutput.write(contentsOf: Data(prediction.rawValues(in: bank ?? .sha256)))
        case .pcrlock: try Output.write(report.pcrlock + "\n", to: nil)
        }
    }
}
