package import Foundation
import FrostSupport

/// The verifier's side of an enrolment: a secret that only the TPM of the endorsement key can read, and that it gives out only
/// if the attestation key is its own.
///
/// - Source: TPM 2.0 Library 1.59, part 1, 24 "Credential Protection".
package struct Enrolment: Codable, Sendable, Equatable {
    private var format: String
    private var machine: EnrolledMachine
    /// SHA-256 of the secret; itself it is kept nowhere.
    private var answer: String

    private static let currentFormat = "frostvisor-enrolment-1"
    private static let secretBytes = 32

    /// - Parameters:
    ///   - key: the attestation key's public area.
    /// - Returns: what the machine must open as well.
    /// - Throws: ``EnrolmentFailure``, ``QuoteFailure``; ``Tool/Failure``
    package static func challenge(
        _ certificate: EndorsementCertificate, key: TPMPublic, name: String, authorities: [URL]
    ) throws -> (enrolment: Enrolment, credential: [UInt8]) {
        try certificate.check(against: authorities)
        guard key.canAttest else { throw EnrolmentFailure.cannotAttest }
        _ = try AttestationKey(pem: key.pem)
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<secretBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let machine = EnrolledMachine(
            name: name, endorsementKey: ContentHash.of(certificate.key).hexadecimal,
            endorsementCertificate: ContentHash.of(certificate.der).hexadecimal, attestationKey: key)
        let enrolment = Enrolment(
            format: currentFormat, machine: machine, answer: ContentHash.of(secret).hexadecimal)
        return (enrolment, try credential(secret, for: certificate, key))
    }

    /// To the key in the certificate, not to one that somebody hands over beside it.
    private static func credential(
        _ secret: [UInt8], for certificate: EndorsementCertificate, _ key: TPMPublic
    ) throws -> [UInt8] {
        let tools = try TPMTools(connection: "none")
        try Data(PEM.publicKey(certificate.key).utf8).write(to: tools.file("ek.pem"))
        try Data(secret).write(to: tools.file("secret"))
        let made = try tools.succeeds(
            """
            makecredential -u ek.pem -G \(certificate.isRSA ? "rsa" : "ecc") -s secret -n \(key.name.hexadecimal) \
            -o credential
            """)
        guard made else { throw EnrolmentFailure.otherKind }
        return try BoundedFile.bytes(of: tools.file("credential"), most: Quote.mostBytes)
    }

    /// - Throws: ``EnrolmentFailure/wrongAnswer``
    package func accept(_ answer: [UInt8]) throws(EnrolmentFailure) -> EnrolledMachine {
        guard ContentHash.of(answer).hexadecimal == self.answer else { throw .wrongAnswer }
        return machine
    }

    private static let mostBytes = 64 << 10

    /// - Throws: ``EnrolmentFailure/foreign(_:)``, and what says that the file is missing.
    package init(reading file: URL) throws {
        let bytes = try BoundedFile.bytes(of: file, most: Self.mostBytes)
        guard let enrolment = try? JSON.decode(Self.self, from: Data(bytes)),
            enrolment.format == Self.currentFormat
        else { throw EnrolmentFailure.foreign(file.plainPath) }
        self = enrolment
    }

    private init(format: String, machine: EnrolledMachine, answer: String) {
        (self.format, self.machine, self.answer) = (format, machine, answer)
    }

    /// All of it, by a TPM that tpm2-tools reach from here.
    /// - Parameter certificate: nil: the TPM has it.
    package static func enrol(
        _ tools: TPMTools, name: String, authorities: [URL], certificate file: URL?, handle: String,
        kind: TPMTools.KeyKind
    ) throws -> EnrolledMachine {
        let bytes =
            try file.map { try BoundedFile.bytes(of: $0, most: EndorsementCertificate.mostBytes) }
            ?? tools.certificate()
        let certificate = try EndorsementCertificate(bytes, named: file?.plainPath ?? "What the TPM holds")
        // Before a key is made.
        try certificate.check(against: authorities)
        let area = try tools.attestationKey(at: handle, kind, isRSA: certificate.isRSA)
        let key = try TPMPublic(area, named: "The key at \(handle)")
        let (enrolment, credential) = try challenge(
            certificate, key: key, name: name, authorities: authorities)
        return try enrolment.accept(tools.answer(credential, at: handle))
    }
}

/// What the machine's side of an enrolment hands over where tpm2-tools do not reach its TPM: a folder; the only speller of its
/// files' names.
package struct EnrolmentRequest {
    package let certificate: EndorsementCertificate
    package let key: TPMPublic

    package static func credential(in folder: URL) -> URL { folder.appending(path: "credential") }

    /// - Throws: what says that the file is missing, or is too long.
    package static func answer(in file: URL) throws -> [UInt8] {
        try BoundedFile.bytes(of: file, most: Quote.mostBytes)
    }

    /// - Throws: ``EnrolmentFailure``, ``QuoteFailure``, and what says that a file is missing.
    package init(in folder: URL) throws {
        let certificate = folder.appending(path: "ek.crt"), key = folder.appending(path: "ak.pub")
        self.certificate = try EndorsementCertificate(
            BoundedFile.bytes(of: certificate, most: EndorsementCertificate.mostBytes),
            named: certificate.plainPath)
        self.key = try TPMPublic(BoundedFile.bytes(of: key, most: Quote.mostBytes), named: key.plainPath)
    }
}
