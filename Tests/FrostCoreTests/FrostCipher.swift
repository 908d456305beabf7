import FrostCore

/// An expanded key of ours, at an address that stays.
final class FrostCipher {
    let key = UnsafeMutablePointer<gcm_key>.allocate(capacity: 1)

    init(raw: [UInt8]) {
        precondition(raw.count == 32)
        gcm_key_expand(key, raw)
    }

    deinit {
        key.deallocate()
    }

    func seal(nonce: [UInt8], additional: [UInt8], plaintext: [UInt8]) -> (ciphertext: [UInt8], tag: [UInt8])
    {
        var ciphertext = [UInt8](repeating: 0, count: plaintext.count)
        var tag = [UInt8](repeating: 0, count: 16)
        gcm_seal(key, nonce, additional, additional.count, plaintext, &ciphertext, plaintext.count, &tag)
        return (ciphertext, tag)
    }

    /// `genuine` is the verdict; `output` what stands in memory after it, whatever the verdict.
    func open(
        nonce: [UInt8], additional: [UInt8], ciphertext: [UInt8], tag: [UInt8]
    ) -> (genuine: Bool, output: [UInt8]) {
        var output = [UInt8](repeating: 0xAA, count: ciphertext.count)
        let genuine = gcm_open(
            key, nonce, additional, additional.count, ciphertext, &output, ciphertext.count, tag)
        return (genuine, output)
    }
}
