import COpenSSL
import FrostCore
import FrostFormat
import FrostSupport

/// All 16-byte blocks of memory that give a page key away.
package struct SecretKeys {
    package private(set) var names: [String] = []
    package private(set) var blocks: [[UInt8]] = []

    private static let roundKeyBytes = MemoryLayout<gcm_key>.offset(of: \.kernel) ?? 0
    private static let powers = MemoryLayout<gcm_key>.offset(of: \.hash) ?? 0

    /// Of the 16-byte blocks in a `gcm_key`, whatever kernel it is for.
    static let secretOffsets =
        Array(stride(from: 0, to: roundKeyBytes, by: 16))
        + Array(stride(from: powers, to: MemoryLayout<gcm_key>.size, by: 16))

    /// The raw key; its round keys, as any AES has them; the hash key, as OpenSSL computes it; and its powers in the
    /// form that the hypervisor's kernels keep. The AES-NI kernel keeps all that the wide ones do, and more.
    ///
    /// - Source: FIPS 197, section 5.2; NIST SP 800-38D, section 6.3.
    package init(_ keys: [(name: String, raw: [UInt8])]) {
        for (name, raw) in keys {
            let key = CipherKey(raw, for: .aesni)
            let expanded = [UInt8](
                UnsafeRawBufferPointer(start: key.expanded, count: MemoryLayout<gcm_key>.size))
            for at in Self.secretOffsets {
                let what = at < Self.roundKeyBytes ? "round key \(at / 16)" : "a power of its hash key"
                add("\(name): \(what)", Array(expanded[at..<at + 16]))
            }
            add("\(name): its hash key", Self.hashKey(raw))
        }
    }

    private mutating func add(_ name: String, _ block: [UInt8]) {
        guard Set(block).count > 1, !blocks.contains(block) else { return }
        names.append(name)
        blocks.append(block)
    }

    /// The encryption of a block of zeroes.
    private static func hashKey(_ raw: [UInt8]) -> [UInt8] {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var length: Int32 = 0
        var block = [UInt8](repeating: 0, count: 32)
        EVP_EncryptInit_ex(context, EVP_aes_256_ecb(), nil, raw, nil)
        EVP_EncryptUpdate(context, &block, &length, [UInt8](repeating: 0, count: 16), 16)
        return Array(block.prefix(16))
    }
}
