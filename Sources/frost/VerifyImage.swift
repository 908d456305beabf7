import ArgumentParser
import Foundation
import FrostAttest
import FrostImage

struct VerifyImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say who signed an image, and whether it is the one that they signed.",
        discussion: """
            Signatures are judged by ssh-keygen -Y verify, with its file of allowed signers: who may sign, from when, \
            until when. Those that share a key, or a name in that file, count as one signer. The image is then held \
            to the reference that was signed, field by field, and its hypervisor compared with what this source tree \
            builds.

            Exit codes: 0 when as many signers as asked for have signed and the image is the one described, and with \
            --rebuild this source tree gives its hypervisor; 1 when not; 65 when a file is damaged or foreign; 66 when one \
            is missing; 69 when a tool is.
            """)

    @Argument(help: "The image.", completion: .file(extensions: ["img"]))
    var image: String

    @Option(help: "Who may sign: ssh-keygen(1), ALLOWED SIGNERS.", completion: .file())
    var allowedSigners: String

    @Option(
        help: "A signature over the reference. May be repeated. (default: the reference's name with .sig)",
        completion: .file(extensions: ["sig"]))
    var signature: [String] = []

    @Option(help: "What was signed. (default: beside the image)", completion: .file())
    var reference: String?

    @Option(help: "How many different signers are asked for.")
    var threshold = 1

    @Flag(help: "Build this source tree's hypervisor anew; it must be the image's, byte by byte.")
    var rebuild = false

    @Option(help: "How the answer is printed.")
    var format = OutputFormat.text

    func validate() throws {
        guard threshold > 0 else { throw ValidationError("--threshold wants a number above zero.") }
    }

    func run() throws {
        var question = ImageVerification.Question(
            image: URL(filePath: image), allowedSigners: URL(filePath: allowedSigners))
        question.reference = reference.map { URL(filePath: $0) }
        question.signatures = signature.map { URL(filePath: $0) }
        (question.threshold, question.mustRebuild) = (threshold, rebuild)
        let answer = try ImageVerification(
            question, in: rebuild ? SourceTree() : try? SourceTree(), progress: Talk.say)
        try format.print(answer)
        for failure in answer.failures { Talk.say(failure) }
        throw Outcome(exitCode: answer.exitCode)
    }
}
