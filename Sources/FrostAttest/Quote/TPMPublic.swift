import Foundation
import FrostSupport

/// The public area of a key in a TPM, as `tpm2_createak -u` and `tpm2_readpublic -o` write it.
///
/// - Shape: TPM2B_PUBLIC, big-endian.
/// - Source: TPM 2.0 Library 1.59, part 2, 12.2 "Public Area Structures"; 8.3 "TPMA_OBJECT".
package struct TPMPublic: Sendable {
    /// What the TPM calls the key: a hash over all of the area.
    package let name: [UInt8]
    /// SubjectPublicKeyInfo.
    package let der: [UInt8]
    private let attributes: UInt32

    /// Made in this TPM, and never leaves it; signs nothing but what the TPM says itself.
    package var canAttest: Bool {
        let needed: UInt32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 18  // fixedTPM, fixedParent,
        // sensitiveDataOrigin, restricted, sign
        return attributes & needed == needed && attributes & (1 << 17) == 0  // decrypt
    }

    package var pem: String { PEM.publicKey(der) }

    /// - Throws: ``QuoteFailure/damaged(_:what:)``
    package init(_ bytes: [UInt8], named file: String) throws(QuoteFailure) {
        do throws(ByteReader.Problem) {
            var reader = ByteReader(bytes)
            let area = try reader.sized()
            guard reader.isAtEnd else { throw .init("it has bytes too many") }
            var fields = ByteReader(area)
            let kind = try fields.big(UInt16.self)
            guard try fields.big(UInt16.self) == PCRBank.sha256.number else {
                throw .init("its name is not made by SHA-256")
            }
            attributes = try fields.big(UInt32.self)
            _ = try fields.sized()  // its policy
            name = [UInt8](memoryOf: PCRBank.sha256.number.bigEndian) + PCRBank.sha256.hash(area)
            switch kind {
            case Self.rsa: der = try Self.rsaKey(&fields)
            case Self.ecc: der = try Self.eccKey(&fields)
            default: throw .init("it is neither an RSA nor an ECC key")
            }
            guard fields.isAtEnd else { throw .init("it has bytes too many") }
        } catch { throw .damaged(file, what: error.text) }
    }

    private static let rsa: UInt16 = 0x0001
    private static let ecc: UInt16 = 0x0023
    private static let none: UInt16 = 0x0010
    private static let p256: UInt16 = 0x0003

    /// No cipher, as of a key that signs; and by which scheme it signs, if that is settled.
    private static func skipSchemes(_ fields: inout ByteReader) throws(ByteReader.Problem) {
        guard try fields.big(UInt16.self) == none else { throw .init("it is no key that signs") }
        if try fields.big(UInt16.self) != none { _ = try fields.big(UInt16.self) }
    }

    private static func rsaKey(_ fields: inout ByteReader) throws(ByteReader.Problem) -> [UInt8] {
        try skipSchemes(&fields)
        _ = try fields.big(UInt16.self)  // bits
        let exponent = try fields.big(UInt32.self)
        let modulus = try fields.sized()
        let key = DER.sequence([
            DER.integer(modulus),
            DER.integer([UInt8](memoryOf: (exponent == 0 ? 65537 : exponent).bigEndian)),
        ])
        // rsaEncryption, no parameters.
        let algorithm: [UInt8] = [
            0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
        ]
        return DER.sequence([algorithm, DER.bits(key)])
    }

    private static func eccKey(_ fields: inout ByteReader) throws(ByteReader.Problem) -> [UInt8] {
        try skipSchemes(&fields)
        guard try fields.big(UInt16.self) == p256 else { throw .init("it is on another curve than P-256") }
        guard try fields.big(UInt16.self) == none else { throw .init("it is no key that signs") }
        let x = try fields.sized(), y = try fields.sized()
        guard x.count <= 32, y.count <= 32 else { throw .init("its point has too many digits") }
        func padded(_ number: [UInt8]) -> [UInt8] {
            [UInt8](repeating: 0, count: 32 - number.count) + number
        }
        // id-ecPublicKey, prime256v1.
        let algorithm: [UInt8] = [
            0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
            0xCE,
            0x3D, 0x03, 0x01, 0x07,
        ]
        return DER.sequence([algorithm, DER.bits([4] + padded(x) + padded(y))])
    }
}
