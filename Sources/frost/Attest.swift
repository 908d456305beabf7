import ArgumentParser
import Foundation
import FrostAttest
import FrostFormat
import FrostSupport

struct Attest: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge by its TPM which image a machine runs.",
        discussion: "docs/guide/attestation.md walks through it.",
        subcommands: [AttestVerify.self])
}

/// A nonce, as people type it.
struct Nonce: ExpressibleByArgument {
    let bytes: [UInt8]

    /// Shorter ones may come again, and a TPM takes no longer ones.
    init?(argument: String) {
        guard let bytes = Hexadecimal.bytes(argument), (16...64).contains(bytes.count) else { return nil }
        self.bytes = bytes
    }
}

struct AttestVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Say whether a machine runs an image, by a quote of its TPM.",
        discussion: """
            The folder holds what the machine handed over: quote.msg, quote.sig and quote.pcrs as tpm2_quote writes them, \
            and eventlog, its log of measured events.

            Exit codes: 0 when the machine of --machine runs the image; 1 when that is not shown, and why in a sentence; \
            65 when a file is damaged or foreign; 66 when one is missing.
            """)

    @Argument(help: "What the machine handed over.", completion: .directory)
    var folder: String

    @Option(help: "The image that it is to run.", completion: .file(extensions: ["img"]))
    var image: String?

    @Option(
        help: "In its place: a reference of the image, whose signatures you have verified.",
        completion: .file())
    var reference: String?

    @Option(help: "The machine, as frost attest enrol wrote it.", completion: .file(extensions: ["json"]))
    var machine: String

    @Option(help: "The nonce that the quote was asked with: 32 to 128 hexadecimal digits.")
    var nonce: Nonce

    @Option(help: "What else is asked of the machine, as JSON.", completion: .file(extensions: ["json"]))
    var policy: String?

    @Option(help: "How far the hypervisor is to be.")
    var phase = LaunchPrediction.Phase.launched

    @Option(help: "How the answer is printed.")
    var format = OutputFormat.text

    func validate() throws {
        guard (image == nil) != (reference == nil) else {
            throw ValidationError("Say what the machine is to run: --image or --reference.")
        }
    }

    func run() throws {
        let policy =
            try policy.map { try AttestationPolicy(reading: URL(filePath: $0)) } ?? AttestationPolicy()
        let subject =
            if let image {
                try AttestationVerification.Subject(image: URL(filePath: image), phase: phase)
            } else {
                try AttestationVerification.Subject(reference: URL(filePath: reference ?? ""), phase: phase)
            }
        let answer = try AttestationVerification(
            Evidence(in: URL(filePath: folder)), of: EnrolledMachine(reading: URL(filePath: machine)),
            subject: subject, nonce: nonce.bytes, policy: policy)
        try format.print(answer)
        for failure in answer.failures { Talk.say(failure) }
        throw Outcome(exitCode: answer.exitCode)
    }
}
