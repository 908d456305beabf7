import ArgumentParser
import Foundation
import FrostAttest
import FrostFormat
import FrostImage
import FrostSupport

struct SignImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sign an image: for people who verify it, for UEFI's Secure Boot, or for both.",
        discussion: """
            With --key: what identifies the image, its reference, goes to IMAGE's name with .reference, the signature to the \
            reference's with .sig. A reference that is there already is signed as it is, if it describes this image: so \
            several can sign the same. It is the same as ssh-keygen -Y sign -n \(ReferenceSignature.namespace) -f KEY \
            REFERENCE.

            With --secure-boot-key and --certificate: the image itself gets a signature of all that UEFI firmware loads: \
            loader, header, hypervisor and the sealed guest. Firmware that has the certificate among its keys starts the \
            image with Secure Boot on, and refuses it when a byte has changed. A BIOS starts it as before, and checks nothing. \
            Another reference describes it then: sign for Secure Boot first.
            """)

    @Argument(help: "The image.", completion: .file(extensions: ["img"]))
    var image: String

    @Option(
        help: "Who signs: a private key of ssh-keygen's, or a public one whose private key ssh-agent has.",
        completion: .file())
    var key: String?

    @Option(help: "The reference to sign, or to make. (default: beside the image)", completion: .file())
    var reference: String?

    @Option(
        name: .shortAndLong, help: "The signature to write. (default: the reference's name with .sig)",
        completion: .file())
    var output: String?

    @Option(help: "Sign for Secure Boot with this private key: RSA, as PEM.", completion: .file())
    var secureBootKey: String?

    @Option(help: "Its certificate, which the firmware knows: X.509, as PEM.", completion: .file())
    var certificate: String?

    @Option(help: "How what was signed is printed.")
    var format = OutputFormat.text

    func validate() throws {
        guard (secureBootKey == nil) == (certificate == nil) else {
            throw ValidationError("--secure-boot-key and --certificate go together.")
        }
        guard key != nil || secureBootKey != nil else {
            throw ValidationError("Say who signs: --key, or --secure-boot-key and --certificate.")
        }
        guard key != nil || (reference == nil && output == nil) else {
            throw ValidationError("--reference and --output go with --key.")
        }
    }

    func run() throws {
        let file = URL(filePath: image)
        if let secureBootKey, let certificate {
            let bytes = try SecureBoot(
                key: URL(filePath: secureBootKey), certificate: URL(filePath: certificate)
            )
            .sign(BootImage(reading: file), to: file)
            Talk.say("signed \(image) for Secure Boot with \(certificate): \(bytes.of("byte"))")
        }
        guard let key else { return }
        let signing = ReferenceSigning(
            image: try BootImage(reading: file), key: URL(filePath: key),
            reference: reference.map { URL(filePath: $0) }, signature: output.map { URL(filePath: $0) })
        let reference = try signing.sign(in: try? SourceTree(), progress: Talk.say)
        try format.print(reference)
        Talk.say(
            "signed \(signing.reference.path(percentEncoded: false)); the signature is "
                + signing.signature.path(percentEncoded: false))
    }
}
