import COpenSSL

/// AES-256-GCM by a library that shares no line with ours.
enum OpenSSLCipher {
    static func seal(
        key: [UInt8], nonce: [UInt8], additional: [UInt8], plaintext: [UInt8]
    ) -> (ciphertext: [UInt8], tag: [UInt8]) {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var ciphertext = [UInt8](repeating: 0, count: plaintext.count + 16)
        var tag = [UInt8](repeating: 0, count: 16)
        var length: Int32 = 0

        precondition(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1)
        if !additional.isEmpty {
            precondition(EVP_EncryptUpdate(context, nil, &length, additional, Int32(additional.count)) == 1)
        }
        if !plaintext.isEmpty {
            precondition(
                EVP_EncryptUpdate(context, &ciphertext, &length, plaintext, Int32(plaintext.count)) == 1)
        }
        precondition(EVP_EncryptFinal_ex(context, &tag, &length) == 1)
        precondition(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag) == 1)
        return (Array(ciphertext.prefix(plaintext.count)), tag)
    }
}

/// SHA-256 and what is built on it, likewise.
enum OpenSSLDigest {
    static func sha256(_ message: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        precondition(EVP_Digest(message, message.count, &digest, nil, EVP_sha256(), nil) == 1)
        return digest
    }

    static func pbkdf2(_ passphrase: [UInt8], _ salt: [UInt8], _ iterations: Int32) -> [UInt8] {
        var key = [UInt8](repeating: 0, count: 32)
        let done = passphrase.withUnsafeBytes {
            PKCS5_PBKDF2_HMAC(
                $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(passphrase.count), salt,
                Int32(salt.count), iterations, EVP_sha256(), 32, &key)
        }
        precondition(done == 1)
        return key
    }
}

/// X25519, likewise.
enum OpenSSLAgreement {
    /// nil: it refuses the point.
    static func secret(of scalar: [UInt8], with u: [UInt8]) -> [UInt8]? {
        let own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nil, scalar, 32)
        let peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nil, u, 32)
        let context = EVP_PKEY_CTX_new(own, nil)
        defer {
            EVP_PKEY_CTX_free(context)
            EVP_PKEY_free(peer)
            EVP_PKEY_free(own)
        }
        var secret = [UInt8](repeating: 0, count: 32), count = 32
        precondition(EVP_PKEY_derive_init(context) == 1)
        guard EVP_PKEY_derive_set_peer(context, peer) == 1,
            EVP_PKEY_derive(context, &secret, &count) == 1
        else { return nil }
        precondition(count == 32)
        return secret
    }
}
