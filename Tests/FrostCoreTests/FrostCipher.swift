import FrostCore

/// Our ways to compute AES-256-GCM; they share their calls' shape.
enum Kernel: CaseIterable, Sendable {
    case aesni
    case vaes256
    case vaes512

    /// What this machine can run; for the others, a line says that they were not tested.
    static let available = allCases.filter { kernel in
        if kernel.found == nil { print("SKIP \(kernel): this CPU or system cannot run it") }
        return kernel.found != nil
    }

    /// nil when it cannot.
    var found: UnsafePointer<gcm_kernel>? {
        switch self {
        case .aesni: gcm_kernel_find(GCM_AESNI)
        case .vaes256: gcm_kernel_find(GCM_VAES256)
        case .vaes512: gcm_kernel_find(GCM_VAES512)
        }
    }
}

/// An expanded key of ours, at an address that stays.
final class FrostCipher {
    let key = UnsafeMutablePointer<gcm_key>.allocate(capacity: 1)

    /// `kernel` is one of ``Kernel/available``.
    init(raw: [UInt8], kernel: Kernel = .aesni) {
        guard raw.count == 32, let kernel = kernel.found else { preconditionFailure() }
        gcm_key_expand(kernel, key, raw)
    }

    deinit {
        key.deallocate()
    }

    func seal(
        nonce: [UInt8], additional: [UInt8], from: UnsafeRawPointer?, to: UnsafeMutableRawPointer?, count: Int
    ) -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: 16)
        gcm_seal(key, nonce, additional, additional.count, from, to, count, &tag)
        return tag
    }

    func open(
        nonce: [UInt8], additional: [UInt8], from: UnsafeRawPointer?, to: UnsafeMutableRawPointer?,
        count: Int,
        tag: [UInt8]
    ) -> Bool {
        gcm_open(key, nonce, additional, additional.count, from, to, count, tag)
    }

    func seal(nonce: [UInt8], additional: [UInt8], plaintext: [UInt8]) -> (ciphertext: [UInt8], tag: [UInt8])
    {
        var ciphertext = [UInt8](repeating: 0, count: plaintext.count)
        let tag = seal(
            nonce: nonce, additional: additional, from: plaintext, to: &ciphertext, count: plaintext.count)
        return (ciphertext, tag)
    }

    /// `genuine` is the verdict; `output` what stands in memory after it, whatever the verdict.
    func open(
        nonce: [UInt8], additional: [UInt8], ciphertext: [UInt8], tag: [UInt8]
    ) -> (genuine: Bool, output: [UInt8]) {
        var output = [UInt8](repeating: 0xAA, count: ciphertext.count)
        let genuine = open(
            nonce: nonce, additional: additional, from: ciphertext, to: &output, count: ciphertext.count,
            tag: tag)
        return (genuine, output)
    }
}
