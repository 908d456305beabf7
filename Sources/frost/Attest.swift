import ArgumentParser
import Foundation
import FrostAttest
import FrostFormat
import FrostSupport

struct Attest: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge by its TPM which image a machine runs.",
        discussion: "docs/guide/attestation.md walks through it.",
        subcommands: [
            AttestEnrol.self, AttestChallenge.self, AttestAccept.self, AttestQuote.self, AttestVerify.self,
        ])
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

extension TPMTools.KeyKind: ExpressibleByArgument {}

/// Where a TPM is, and its key for quotes.
struct TPMOptions: ParsableArguments {
    @Option(
        help: """
            How tpm2-tools reach the TPM: "cmd:ssh root@host tpm2_send" for another machine's. (default: this machine's)
            """)
    var tcti: String?

    @Option(help: "Where the TPM keeps the attestation key.")
    var handle = "0x81010002"

    func validate() throws {
        guard handle.wholeMatch(of: /0x81[0-9a-fA-F]{6}/) != nil else {
            throw ValidationError("--handle wants a persistent handle: 0x81000000 to 0x81FFFFFF.")
        }
    }
}

/// What both ways to enrol a machine ask.
struct EnrolmentOptions: ParsableArguments {
    @Option(
        help:
            "Certificates that are believed: of the TPM's maker, or of this TPM itself. PEM or DER. May be repeated.",
        completion: .file())
    var ca: [String]

    @Option(help: "What you call the machine.")
    var name: String

    var authorities: [URL] { ca.map { URL(filePath: $0) } }
}

struct AttestEnrol: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enrol",
        abstract: "Identify a machine's TPM, and keep the key by which its quotes are known.",
        discussion: """
            Run it where you will verify, and reach the machine's TPM by --tcti. The certificate of the TPM's endorsement key is \
            held to the CA's; an attestation key is made, or the one that is there is used; and the TPM shows by a secret, which \
            is encrypted to the endorsement key, that it has both.

            Exit codes: 0 when the machine is enrolled; 1 when its TPM is not what it should be, and why in a sentence; 69 when \
            the TPM is out of reach.
            """)

    @OptionGroup var tpm: TPMOptions

    @OptionGroup var who: EnrolmentOptions

    @Option(
        help: "The endorsement key's certificate, DER. (default: the one in the TPM)", completion: .file())
    var ekCertificate: String?

    @Option(help: "Which kind of attestation key is made, where there is none.")
    var key = TPMTools.KeyKind.ecc

    @Option(name: .shortAndLong, help: "The file that says who the machine is.", completion: .file())
    var output: String

    func run() throws {
        let machine = try Enrolment.enrol(
            TPMTools(connection: tpm.tcti), name: who.name, authorities: who.authorities,
            certificate: ekCertificate.map { URL(filePath: $0) }, handle: tpm.handle, kind: key)
        try Output.write(JSON.text(machine) + "\n", to: output)
        Talk.say("enrolled \(who.name): \(output)")
    }
}

struct AttestChallenge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "challenge",
        abstract:
            "Enrol by files that are carried, first half: a challenge that only the right TPM can open.",
        discussion: """
            The folder holds what the machine handed over: ek.crt, its endorsement key's certificate as DER, and ak.pub, its \
            attestation key as tpm2_createak -u writes it. The challenge goes to credential in the same folder, to be carried \
            back. What is kept with -o holds no secret.

            Exit codes: as frost attest enrol.
            """)

    @Argument(help: "What the machine handed over.", completion: .directory)
    var folder: String

    @OptionGroup var who: EnrolmentOptions

    @Option(name: .shortAndLong, help: "What is kept until the answer comes.", completion: .file())
    var output: String

    func run() throws {
        let folder = URL(filePath: folder)
        let request = try EnrolmentRequest(in: folder)
        let (enrolment, credential) = try Enrolment.challenge(
            request.certificate, key: request.key, name: who.name, authorities: who.authorities)
        let place = EnrolmentRequest.credential(in: folder)
        do { try Data(credential).write(to: place) } catch {
            throw EnrolmentFailure.cannotWrite(place.path(percentEncoded: false))
        }
        try Output.write(JSON.text(enrolment) + "\n", to: output)
        Talk.say(
            "have the machine open \(place.path(percentEncoded: false)), and give the answer to frost attest accept"
        )
    }
}

struct AttestAccept: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept",
        abstract: "Enrol by files that are carried, second half: the machine's answer.",
        discussion:
            "Exit codes: 0 when the machine is enrolled; 1 when the answer is not the challenge's secret.")

    @Argument(help: "What frost attest challenge kept.", completion: .file())
    var pending: String

    @Argument(help: "What tpm2_activatecredential wrote.", completion: .file())
    var answer: String

    @Option(name: .shortAndLong, help: "The file that says who the machine is.", completion: .file())
    var output: String

    func run() throws {
        let machine = try Enrolment(reading: URL(filePath: pending)).accept(
            EnrolmentRequest.answer(in: URL(filePath: answer)))
        try Output.write(JSON.text(machine) + "\n", to: output)
        Talk.say("enrolled \(machine.name): \(output)")
    }
}

struct AttestQuote: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quote",
        abstract: "Have a TPM sign its PCRs, with the log of what was measured.",
        discussion: """
            Writes quote.msg, quote.sig, quote.pcrs and eventlog into a folder, for frost attest verify. Where there is no frost, \
            tpm2_quote and cp do the same: docs/guide/attestation.md.

            Exit codes: 0; 66 when there is no log; 69 when the TPM is out of reach, or has no such key.
            """)

    @OptionGroup var tpm: TPMOptions

    @Option(help: "What the verifier has sent: 32 to 128 hexadecimal digits.")
    var nonce: Nonce

    @Option(help: "Which PCRs, as tpm2-tools take them.")
    var pcrs = "sha256:0,1,2,3,4,5,6,7,8,9"

    @Option(help: "The machine's log of measured events.", completion: .file())
    var log = "/sys/kernel/security/tpm0/binary_bios_measurements"

    @Option(name: .shortAndLong, help: "The folder to write.", completion: .directory)
    var output: String

    func run() throws {
        try TPMTools(connection: tpm.tcti).quote(
            at: tpm.handle, nonce: nonce.bytes, pcrs: pcrs, log: URL(filePath: log), to: URL(filePath: output)
        )
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
