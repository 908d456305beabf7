import ArgumentParser
import Foundation
import FrostFormat
import FrostImage
import FrostSupport

struct SignImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sign an image for UEFI's Secure Boot.",
        discussion: """
            The signature covers all that the firmware loads: loader, header, hypervisor and the sealed guest. Firmware that \
            has the certificate among its keys starts the image with Secure Boot on, and refuses it when a byte has changed. \
            A BIOS starts it as before, and checks nothing.
            """)

    @Argument(help: "The image, as made by frost make-image.", completion: .file(extensions: ["img"]))
    var image: String

    @Option(help: "The private key: RSA, as PEM.", completion: .file())
    var key: String

    @Option(help: "Its certificate, which the firmware knows: X.509, as PEM.", completion: .file())
    var certificate: String

    @Option(
        name: [.customShort("o"), .long], help: "Where the signed image goes. (default: the image itself)",
        completion: .file())
    var output: String?

    func run() throws {
        let image = try BootImage(reading: URL(filePath: image))
        let place = output.map { URL(filePath: $0) } ?? image.file
        let bytes = try SecureBoot(key: URL(filePath: key), certificate: URL(filePath: certificate))
            .sign(image, to: place)
        print("\(place.plainPath): signed, \(bytes.of("byte")), for Secure Boot with \(certificate)")
    }
}
