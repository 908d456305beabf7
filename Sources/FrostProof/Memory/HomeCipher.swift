import COpenSSL
import FrostCore
import FrostSupport

/// Opens homes by OpenSSL: a cipher that shares no line with the hypervisor's.
package struct HomeCipher {
    package let imageKey: [UInt8]
    package let sessionKey: [UInt8]

    package init(
        imageKey: [UInt8], sessionKey: [UInt8]
    ) {
        (self.imageKey, self.sessionKey) = (imageKey, sessionKey)
    }

    /// The page's plaintext; nil when the home's tag does not verify.
    ///
    /// - Source: docs/design/overview.md, "Cipher".
    func open(_ page: page_id, _ entry: page_entry, ciphertext: [UInt8]) -> [UInt8]? {
        let nonce = [UInt8](memoryOf: entry.state.bigEndian) + [UInt8](memoryOf: entry.counter.bigEndian)
        let name =
            [UInt8](memoryOf: UInt64(page_index(page)).littleEndian)
            + [UInt8](memoryOf: UInt64(page_level(page)).littleEndian)
        return Self.open(
            key: entry.state == PAGE_IMAGED.rawValue ? imageKey : sessionKey, nonce: nonce, additional: name,
            ciphertext: ciphertext, tag: [UInt8](memoryOf: entry.tag))
    }

    /// AES-256-GCM.
    private static func open(
        key: [UInt8], nonce: [UInt8], additional: [UInt8], ciphertext: [UInt8], tag: [UInt8]
    ) -> [UInt8]? {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var tag = tag, length: Int32 = 0
        var plaintext = [UInt8](repeating: 0, count: ciphertext.count + 16)
        guard EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1,
            EVP_DecryptUpdate(context, nil, &length, additional, Int32(additional.count)) == 1,
            EVP_DecryptUpdate(context, &plaintext, &length, ciphertext, Int32(ciphertext.count)) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, &tag) == 1
        else { return nil }
        var rest = [UInt8](repeating: 0, count: 16)
        guard EVP_DecryptFinal_ex(context, &rest, &length) == 1 else { return nil }
        return Array(plaintext.prefix(ciphertext.count))
    }
}
