package import Foundation
package import FrostSupport

/// A machine whose TPM has been identified: by whose key its quotes are known.
///
/// - Shape: JSON; docs/guide/attestation.md, "Enrol".
package struct EnrolledMachine: Codable, Sendable, Equatable {
    package var format: String
    /// What people call it.
    package var name: String
    /// SHA-256 of the endorsement key's SubjectPublicKeyInfo, in hexadecimal.
    package var endorsementKey: String
    /// SHA-256 of its certificate.
    package var endorsementCertificate: String
    /// PEM.
    package var attestationKey: String
    /// As the TPM calls it, in hexadecimal.
    package var attestationKeyName: String

    package static let currentFormat = "frostvisor-machine-1"
    private static let mostBytes = 64 << 10

    package init(
        name: String, endorsementKey: String, endorsementCertificate: String, attestationKey: TPMPublic
    ) {
        format = Self.currentFormat
        (self.name, self.endorsementKey) = (name, endorsementKey)
        self.endorsementCertificate = endorsementCertificate
        (self.attestationKey, attestationKeyName) = (attestationKey.pem, attestationKey.name.hexadecimal)
    }

    /// - Throws: ``Failure``, and what says that the file is missing.
    package init(reading file: URL) throws {
        try self.init(BoundedFile.bytes(of: file, most: Self.mostBytes), named: file.plainPath)
    }

    /// - Throws: ``Failure``
    package init(_ bytes: [UInt8], named file: String) throws(Failure) {
        guard let machine = try? JSON.decode(Self.self, from: Data(bytes)),
            machine.format == Self.currentFormat
        else { throw .foreign(file) }
        self = machine
    }

    package enum Failure: Explained, Equatable {
        case foreign(String)

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .foreign(let file):
                "\(file) is no machine that was enrolled. Make it with frost attest enrol."
            }
        }
    }
}
