import ArgumentParser
import Foundation
import FrostAttest
import FrostFormat
import FrostImage

struct SignImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write what identifies an image, and sign that with an OpenSSH key.",
        discussion: """
            The reference goes to IMAGE's name with .reference, the signature to the reference's with .sig. A reference \
            that is there already is signed as it is, if it describes this image: so several can sign the same. It is the \
            same as ssh-keygen -Y sign -n \(ReferenceSignature.namespace) -f KEY REFERENCE.
            """)

    @Argument(help: "The image.", completion: .file(extensions: ["img"]))
    var image: String

    @Option(
        help: "Who signs: a private key of ssh-keygen's, or a public one whose private key ssh-agent has.",
        completion: .file())
    var key: String

    @Option(help: "The reference to sign, or to make. (default: beside the image)", completion: .file())
    var reference: String?

    @Option(
        name: .shortAndLong, help: "The signature to write. (default: the reference's name with .sig)",
        completion: .file())
    var output: String?

    @Option(help: "How what was signed is printed.")
    var format = OutputFormat.text

    func run() throws {
        let signing = ReferenceSigning(
            image: try BootImage(reading: URL(filePath: image)), key: URL(filePath: key),
            reference: reference.map { URL(filePath: $0) }, signature: output.map { URL(filePath: $0) })
        let reference = try signing.sign(in: try? SourceTree(), progress: Talk.say)
        try format.print(reference)
        Talk.say(
            "signed \(signing.reference.path(percentEncoded: false)); the signature is "
                + signing.signature.path(percentEncoded: false))
    }
}
