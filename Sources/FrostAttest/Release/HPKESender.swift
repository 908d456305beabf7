import COpenSSL
package import FrostSupport

/// Seals a message to a hypervisor's public key: HPKE (RFC 9180) in base mode, with DHKEM(X25519, HKDF-SHA256),
/// HKDF-SHA256 and AES-256-GCM. `hypervisor/core/hpke.c` opens it.
///
/// libcrypto 3.0 has the parts, and not HPKE. Names are the RFC's.
package enum HPKESender {
    /// - Returns: encapsulated key, ciphertext and tag.
    /// - Parameter ephemeral: nil: one that nobody has had; to be named by tests alone.
    package static func seal(
        _ plaintext: [UInt8], to recipient: [UInt8], info: [UInt8], additional: [UInt8],
        ephemeral: [UInt8]? = nil
    ) throws(Failure) -> [UInt8] {
        let own =
            ephemeral.map { EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nil, $0, $0.count) }
            ?? freshKey()
        defer { EVP_PKEY_free(own) }
        var encapsulated = [UInt8](repeating: 0, count: 32), count = 32
        try check(EVP_PKEY_get_raw_public_key(own, &encapsulated, &count))

        let exchanged = try agree(own, with: recipient)
        let proven = try extract(salt: [], Suite.kem, "eae_prk", exchanged)
        let shared = try expand(proven, Suite.kem, "shared_secret", encapsulated + recipient, count: 32)
        let context =
            try [mode] + extract(salt: [], Suite.hpke, "psk_id_hash", [])
            + extract(salt: [], Suite.hpke, "info_hash", info)
        let secret = try extract(salt: shared, Suite.hpke, "secret", [])
        let key = try expand(secret, Suite.hpke, "key", context, count: 32)
        let nonce = try expand(secret, Suite.hpke, "base_nonce", context, count: 12)
        return try encapsulated + encrypt(plaintext, key: key, nonce: nonce, additional: additional)
    }

    private static let mode: UInt8 = 0

    /// Section 4 and 5.1: "KEM" or "HPKE", and the numbers of KEM, KDF and AEAD.
    private enum Suite {
        static let kem = Array("KEM".utf8) + [0x00, 0x20]
        static let hpke = Array("HPKE".utf8) + [0x00, 0x20, 0x00, 0x01, 0x00, 0x02]
    }

    private static func freshKey() -> OpaquePointer? {
        let context = EVP_PKEY_CTX_new_id(EVP_PKEY_X25519, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_keygen(context, &key) == 1 else { return nil }
        return key
    }

    private static func agree(_ own: OpaquePointer?, with peer: [UInt8]) throws(Failure) -> [UInt8] {
        guard let other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nil, peer, peer.count) else {
            throw .notAKey
        }
        let context = EVP_PKEY_CTX_new(own, nil)
        defer {
            EVP_PKEY_CTX_free(context)
            EVP_PKEY_free(other)
        }
        var secret = [UInt8](repeating: 0, count: 32), count = 32
        try check(EVP_PKEY_derive_init(context))
        // It refuses a point of low order, some versions in the one call, some in the other.
        guard EVP_PKEY_derive_set_peer(context, other) == 1,
            EVP_PKEY_derive(context, &secret, &count) == 1
        else { throw .notAKey }
        return secret
    }

    private static func extract(
        salt: [UInt8], _ suite: [UInt8], _ label: String, _ material: [UInt8]
    ) throws(Failure) -> [UInt8] {
        let material = Array("HPKE-v1".utf8) + suite + Array(label.utf8) + material
        return try hkdf(EVP_PKEY_HKDEF_MODE_EXTRACT_ONLY, key: material, salt: salt, count: 32)
    }

    private static func expand(
        _ key: [UInt8], _ suite: [UInt8], _ label: String, _ info: [UInt8], count: UInt8
    ) throws(Failure) -> [UInt8] {
        let info = [0, count] + Array("HPKE-v1".utf8) + suite + Array(label.utf8) + info
        return try hkdf(EVP_PKEY_HKDEF_MODE_EXPAND_ONLY, key: key, info: info, count: Int(count))
    }

    private static func hkdf(
        _ mode: Int32, key: [UInt8], salt: [UInt8] = [], info: [UInt8] = [], count: Int
    ) throws(Failure) -> [UInt8] {
        let context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var output = [UInt8](repeating: 0, count: count), length = count
        try check(EVP_PKEY_derive_init(context))
        try check(EVP_PKEY_CTX_set_hkdf_mode(context, mode))
        try check(EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()))
        try check(EVP_PKEY_CTX_set1_hkdf_key(context, key, Int32(key.count)))
        if !salt.isEmpty { try check(EVP_PKEY_CTX_set1_hkdf_salt(context, salt, Int32(salt.count))) }
        if !info.isEmpty { try check(EVP_PKEY_CTX_add1_hkdf_info(context, info, Int32(info.count))) }
        try check(EVP_PKEY_derive(context, &output, &length))
        return output
    }

    /// AES-256-GCM. The tag follows the ciphertext.
    static func encrypt(
        _ plaintext: [UInt8], key: [UInt8], nonce: [UInt8], additional: [UInt8]
    ) throws(Failure) -> [UInt8] {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var ciphertext = [UInt8](repeating: 0, count: plaintext.count + 16)
        var tag = [UInt8](repeating: 0, count: 16)
        var length: Int32 = 0
        try check(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce))
        if !additional.isEmpty {
            try check(EVP_EncryptUpdate(context, nil, &length, additional, Int32(additional.count)))
        }
        if !plaintext.isEmpty {
            try check(EVP_EncryptUpdate(context, &ciphertext, &length, plaintext, Int32(plaintext.count)))
        }
        try check(EVP_EncryptFinal_ex(context, &tag, &length))
        try check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag))
        return ciphertext.prefix(plaintext.count) + tag
    }

    private static func check(_ result: Int32) throws(Failure) {
        guard result == 1 else { throw .library }
    }

    package enum Failure: Explained, Equatable {
        case notAKey
        case library

        package var exitCode: ExitCode {
            switch self {
            case .notAKey: .badInput
            case .library: .ourBug
            }
        }

        package var description: String {
            switch self {
            case .notAKey:
                """
                That is no public key of X25519 that a message can be sealed to. Check where it came from: a machine \
                that made it by random numbers does not send such a one.
                """
            case .library:
                "libcrypto does not do X25519, HKDF or AES-256-GCM here. Check that it is OpenSSL 3 with its default provider."
            }
        }
    }
}
