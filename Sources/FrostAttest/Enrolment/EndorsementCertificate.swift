import COpenSSL
package import Foundation
package import FrostSupport

/// The certificate by which a TPM's maker vouches for its endorsement key.
///
/// - Shape: X.509, DER. What follows it in a TPM's storage does not count.
/// - Source: TCG EK Credential Profile for TPM Family 2.0, 2.5, 3.2 "EK Certificate".
package final class EndorsementCertificate {
    package let der: [UInt8]
    /// SubjectPublicKeyInfo.
    package let key: [UInt8]
    package let isRSA: Bool
    private let certificate: OpaquePointer

    package static let mostBytes = 16 << 10
    /// tcg-kp-EKCertificate, 2.23.133.8.1.
    private static let purpose: [UInt8] = [0x06, 0x05, 0x67, 0x81, 0x05, 0x08, 0x01]

    /// - Throws: ``EnrolmentFailure/noCertificate(_:)``
    package init(_ bytes: [UInt8], named file: String) throws(EnrolmentFailure) {
        let read = bytes.withUnsafeBufferPointer { buffer in
            var at = buffer.baseAddress
            let certificate = d2i_X509(nil, &at, buffer.count)
            return certificate.map { ($0, at.map { $0 - (buffer.baseAddress ?? $0) } ?? 0) }
        }
        guard let (certificate, length) = read else { throw .noCertificate(file) }
        der = Array(bytes.prefix(length))
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &start)
        defer { CRYPTO_free(start, #file, #line) }
        guard count > 0, let start, let pair = X509_get0_pubkey(certificate) else {
            X509_free(certificate)
            throw .noCertificate(file)
        }
        key = Array(UnsafeBufferPointer(start: start, count: Int(count)))
        isRSA = EVP_PKEY_get_base_id(pair) == EVP_PKEY_RSA
        self.certificate = certificate
    }

    deinit {
        X509_free(certificate)
    }

    /// - Parameter authorities: certificates that are believed: of roots, of those below them, or of this TPM itself.
    /// - Throws: ``EnrolmentFailure``, unless one of them vouches for this one, as an endorsement key's, today.
    package func check(against authorities: [URL]) throws {
        let store = X509_STORE_new(), context = X509_STORE_CTX_new()
        defer {
            X509_STORE_CTX_free(context)
            X509_STORE_free(store)
        }
        // Whoever names a certificate with --ca believes it, whether it is a root or not.
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        for file in authorities {
            for authority in try Self.certificates(in: file) {
                X509_STORE_add_cert(store, authority)
                X509_free(authority)
            }
        }
        X509_STORE_CTX_init(context, store, certificate, nil)
        guard X509_verify_cert(context) == 1 else {
            let why = X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(context)))
            throw EnrolmentFailure.notVouchedFor(why.map { String(cString: $0) } ?? "unknown")
        }
        let place = X509_get_ext_by_NID(certificate, NID_ext_key_usage, -1)
        guard place >= 0, let data = X509_EXTENSION_get_data(X509_get_ext(certificate, place)) else {
            throw EnrolmentFailure.otherPurpose
        }
        let usage = UnsafeBufferPointer(
            start: ASN1_STRING_get0_data(data), count: Int(ASN1_STRING_length(data)))
        guard Array(usage).firstRange(of: Self.purpose) != nil else { throw EnrolmentFailure.otherPurpose }
    }

    /// PEM, one or more; or DER.
    private static func certificates(in file: URL) throws -> [OpaquePointer] {
        let bytes = try BoundedFile.bytes(of: file, most: 4 << 20)
        let source = BIO_new_mem_buf(bytes, Int32(bytes.count))
        defer { BIO_free(source) }
        var all: [OpaquePointer] = []
        while let certificate = PEM_read_bio_X509(source, nil, nil, nil) { all.append(certificate) }
        ERR_clear_error()
        if all.isEmpty {
            bytes.withUnsafeBufferPointer { buffer in
                var at = buffer.baseAddress
                if let certificate = d2i_X509(nil, &at, buffer.count) { all.append(certificate) }
            }
        }
        guard !all.isEmpty else { throw EnrolmentFailure.noCertificate(file.plainPath) }
        return all
    }
}

/// Why a machine is not enrolled.
package enum EnrolmentFailure: Explained, Equatable {
    case noCertificate(String)
    case notVouchedFor(String)
    case otherPurpose
    case otherKind
    case cannotAttest
    case wrongAnswer
    case notActivated(String)
    case foreign(String)
    case cannotWrite(String)
    case tool(String, words: String)

    package var exitCode: ExitCode {
        switch self {
        case .notVouchedFor, .otherPurpose, .otherKind, .cannotAttest, .wrongAnswer, .notActivated: .otherwise
        case .noCertificate, .foreign: .badInput
        case .cannotWrite: .cannotWrite
        case .tool: .unavailable
        }
    }

    package var description: String {
        switch self {
        case .noCertificate(let file): "\(file) is no X.509 certificate. Give one as PEM or DER."
        case .notVouchedFor(let why):
            """
            The CA given does not vouch for the TPM's endorsement key: \(why). Give the certificates of the TPM's maker with \
            --ca, root and intermediate ones; if these are his, the TPM is not.
            """
        case .otherPurpose:
            "The certificate is not one of an endorsement key, though the CA made it. Do not trust who hands it over."
        case .otherKind:
            "The endorsement key is neither RSA nor ECC as TPMs have it by default. Give the certificate of another."
        case .cannotAttest:
            """
            The attestation key is none: it can leave its TPM, or signs what others say too. Make another, with \
            tpm2_createak, or at another --handle.
            """
        case .wrongAnswer:
            """
            The answer is not the secret: the attestation key is not in the TPM with that endorsement key. Do not trust the \
            machine; or start again, if the answer is to another challenge.
            """
        case .notActivated(let words):
            """
            The TPM does not open the challenge: the attestation key is not in the TPM with that endorsement key. It said: \
            \(words)
            """
        case .foreign(let file): "\(file) is no pending enrolment. Make it with frost attest challenge."
        case .cannotWrite(let path): "\(path) cannot be written. Choose another place with -o."
        case .tool(let task, let words):
            "tpm2-tools cannot \(task). Check --tcti, and that you may use the TPM. They said: \(words)"
        }
    }
}
