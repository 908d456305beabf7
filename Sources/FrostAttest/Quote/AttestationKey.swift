import COpenSSL
import Foundation
package import FrostSupport

/// A TPM's key for quotes, by its public half.
package final class AttestationKey: @unchecked Sendable {
    /// As the key's file has it.
    package let pem: String
    private let key: OpaquePointer
    private let kind: Kind

    private enum Kind { case rsa, p256 }

    /// - Throws: ``Failure``, when the key is neither RSA of 2048 bits and more nor of NIST's curve P-256.
    package init(pem: String) throws(Failure) {
        let text = Array(pem.utf8)
        let source = BIO_new_mem_buf(text, Int32(text.count))
        defer { BIO_free(source) }
        guard let key = PEM_read_bio_PUBKEY(source, nil, nil, nil) else { throw .noKey }
        var group = [CChar](repeating: 0, count: 64), length = 0
        switch EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_RSA where (2048...4096).contains(EVP_PKEY_get_bits(key)):
            kind = .rsa
        case EVP_PKEY_EC
        where EVP_PKEY_get_group_name(key, &group, group.count, &length) == 1
            && group.prefix(length).map { UInt8(bitPattern: $0) } == Array("prime256v1".utf8):
            kind = .p256
        default:
            EVP_PKEY_free(key)
            throw .otherKind
        }
        (self.pem, self.key) = (pem, key)
    }

    deinit {
        EVP_PKEY_free(key)
    }

    /// Whether this key has signed the message.
    package func hasSigned(_ message: [UInt8], _ signature: QuoteSignature) -> Bool {
        let bytes: [UInt8]
        switch (kind, signature) {
        case (.rsa, .rsa(let signature)): bytes = signature
        case (.p256, .ecdsa(let r, let s)): bytes = DER.sequence([DER.integer(r), DER.integer(s)])
        default: return false
        }
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        return EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, key) == 1
            && EVP_DigestVerify(context, bytes, bytes.count, message, message.count) == 1
    }

    package enum Failure: Explained, Equatable {
        case noKey
        case otherKind

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .noKey: "The attestation key is no public key in PEM. Enrol the machine again."
            case .otherKind:
                """
                The attestation key is neither RSA of 2048 to 4096 bits nor ECDSA on P-256. Make it so: tpm2_createak -G ecc \
                -g sha256 -s ecdsa.
                """
            }
        }
    }
}

enum PEM {
    /// - Parameter der: SubjectPublicKeyInfo.
    static func publicKey(_ der: [UInt8]) -> String {
        let text = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN PUBLIC KEY-----\n\(text)\n-----END PUBLIC KEY-----\n"
    }
}

/// As much of DER as keys and signatures need.
///
/// - Source: ITU-T X.690, 8 and 10.
enum DER {
    static func item(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = content.count
        while rest > 0 {
            length.insert(UInt8(rest & 0xFF), at: 0)
            rest >>= 8
        }
        return [tag] + (content.count < 0x80 ? [UInt8(content.count)] : [0x80 | UInt8(length.count)] + length)
            + content
    }

    static func sequence(_ items: [[UInt8]]) -> [UInt8] { item(0x30, items.flatMap(\.self)) }

    /// Not negative; big-endian, with zeroes before it or without.
    static func integer(_ number: [UInt8]) -> [UInt8] {
        let digits = Array(number.drop { $0 == 0 })
        return item(0x02, (digits.first.map { $0 < 0x80 } ?? false) ? digits : [0] + digits)
    }

    static func bits(_ content: [UInt8]) -> [UInt8] { item(0x03, [0] + content) }
}
