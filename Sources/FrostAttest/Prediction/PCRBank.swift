import COpenSSL
import FrostSupport

/// A TPM's set of PCRs, by the hash that it extends them with.
///
/// - Source: TCG Algorithm Registry 1.34, TPM_ALG_ID; TPM 2.0 Library 1.59, part 1, 17 "PCR Operations".
package enum PCRBank: String, Codable, Sendable, CaseIterable, CodingKeyRepresentable {
    case sha1, sha256, sha384, sha512

    /// TPM_ALG_ID.
    package var number: UInt16 {
        switch self {
        case .sha1: 0x0004
        case .sha256: 0x000B
        case .sha384: 0x000C
        case .sha512: 0x000D
        }
    }

    /// Of a digest.
    package var bytes: Int {
        switch self {
        case .sha1: 20
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    package init?(number: UInt16) {
        guard let bank = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = bank
    }

    var digest: OpaquePointer? {
        switch self {
        case .sha1: EVP_sha1()
        case .sha256: EVP_sha256()
        case .sha384: EVP_sha384()
        case .sha512: EVP_sha512()
        }
    }

    package func hash(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        let hash = BankHash(self)
        hash.add([UInt8](bytes))
        return hash.finish()
    }

    /// What a PCR holds after an event.
    package func extend(_ value: [UInt8], with digest: [UInt8]) -> [UInt8] { hash(value + digest) }

    /// What a PCR holds when the machine starts: those of a dynamic launch are all ones.
    ///
    /// - Source: TCG PC Client Platform TPM Profile 1.05, 4.6.2 "PCR Initial and Reset Values".
    package func initial(_ pcr: Int) -> [UInt8] {
        [UInt8](repeating: (17...22).contains(pcr) ? 0xFF : 0, count: bytes)
    }
}

/// A bank's hash, of things fed one after another.
final class BankHash {
    private let bank: PCRBank
    private let context = EVP_MD_CTX_new()

    init(_ bank: PCRBank) {
        self.bank = bank
        precondition(EVP_DigestInit_ex(context, bank.digest, nil) == 1, "libcrypto knows these hashes")
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    func add(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes(add)
    }

    func add(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: bank.bytes)
        EVP_DigestFinal_ex(context, &digest, nil)
        return digest
    }
}
