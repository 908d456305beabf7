import FrostCore
import FrostSupport
import Testing

@Suite struct KeyDerivationTests {
    private func sha256(_ message: [UInt8], pieces: Int = Int.max) -> [UInt8] {
        var sha = FrostCore.sha256()
        var digest = [UInt8](repeating: 0, count: 32)
        sha256_start(&sha)
        for start in stride(from: 0, to: message.count, by: min(pieces, max(message.count, 1))) {
            let piece = message[start...].prefix(pieces)
            sha256_add(&sha, Array(piece), piece.count)
        }
        sha256_finish(&sha, &digest)
        return digest
    }

    /// Source: NIST, "SHA-256 examples" to FIPS 180-4, and the empty message of CAVP's SHA256ShortMsg.rsp.
    @Test(
        "SHA-256 gives the published digests",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                """
                abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
                hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu
                """,
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
            ),
        ])
    func digests(message: String, digest: String) {
        #expect(sha256(Array(message.utf8)) == bytes(digest))
    }

    @Test("SHA-256 of a million letters a, in pieces of any size", arguments: [1, 63, 64, 65, 4_096])
    func millionLetters(pieces: Int) {
        let message = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        let digest = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        #expect(sha256(message, pieces: pieces) == bytes(digest))
    }

    @Test("Padding is right for every length around a block", arguments: 50...70)
    func padding(length: Int) {
        let message = [UInt8](repeating: 0x5A, count: length)
        #expect(sha256(message) == OpenSSLDigest.sha256(message))
    }

    private func derive(_ passphrase: [UInt8], _ salt: [UInt8], _ iterations: UInt32) -> [UInt8] {
        var work = pbkdf2()
        var key = [UInt8](repeating: 0, count: 32)
        pbkdf2_sha256(&work, passphrase, passphrase.count, salt, salt.count, iterations, &key)
        let left = withUnsafeBytes(of: &work) { $0.contains { $0 != 0 } }
        #expect(!left, "the working memory was not wiped")
        return key
    }

    /// Source: RFC 7914, section 11. Of its 64-byte keys, the first output block.
    @Test("PBKDF2-HMAC-SHA256 gives the published keys and wipes its working memory")
    func derivedKeys() {
        #expect(
            derive(Array("passwd".utf8), Array("salt".utf8), 1)
                == bytes("55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"))
        #expect(
            derive(Array("Password".utf8), Array("NaCl".utf8), 80_000)
                == bytes("4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"))
    }

    @Test(
        "Passphrases and salts of any length agree with OpenSSL",
        arguments: [0, 1, 63, 64, 65, 128], [0, 16, 51, 52, 59, 60, 100])
    func lengths(passphrase: Int, salt: Int) {
        var random = SplitMix64.announced("lengths \(passphrase) \(salt)")
        let (passphrase, salt) = (random.bytes(passphrase), random.bytes(salt))
        #expect(derive(passphrase, salt, 3) == OpenSSLDigest.pbkdf2(passphrase, salt, 3))
    }
}

@Suite struct ByteTests {
    @Test("CRC-32 gives its check value, whole or in two parts")
    func checkValue() {
        let digits = Array("123456789".utf8)
        #expect(crc32(0, digits, 9) == 0xCBF4_3926)
        #expect(crc32(crc32(0, digits, 4), Array(digits[4...]), 5) == 0xCBF4_3926)
        #expect(crc32(0, digits, 0) == 0)
    }

    @Test("Wiping reaches the first and the last byte, and no other")
    func wipe() {
        var memory = [UInt8](repeating: 1, count: 34)
        memory.withUnsafeMutableBytes { bytes_wipe($0.baseAddress?.advanced(by: 1), 32) }
        #expect(memory == [1] + [UInt8](repeating: 0, count: 32) + [1])
    }
}
