package import FrostCore
import FrostFormat
package import FrostSupport

/// The key that a guest is sealed under, and how it is kept in the header.
package struct ImageKey: Sendable {
    /// What opens the header's wrapped key.
    package enum Source: Sendable, Equatable {
        /// Typed at the console when the image boots.
        case passphrase(Passphrase, iterations: UInt32)
        /// Stands in the image in the clear: a demonstration only.
        case embedded
    }

    package static let defaultIterations: UInt32 = 600_000
    package static let minimumIterations = UInt32(IMAGE_KDF_MINIMUM)
    static let iterations = minimumIterations...UInt32(IMAGE_KDF_MAXIMUM)

    /// Fresh for every image.
    package let raw = CipherKey.random(Int(GCM_KEY_BYTES))

    package init() {}

    /// Fills in all key fields of a header whose other fields are final.
    func wrap(into header: inout image_header, source: Source) {
        let salt = CipherKey.random(16)
        let wrappingKey: [UInt8]
        withUnsafeMutableBytes(of: &header.salt) { $0.copyBytes(from: salt) }
        switch source {
        case .passphrase(let passphrase, let iterations):
            header.key_source = KEY_CONSOLE.rawValue
            header.kdf_iterations = iterations
            wrappingKey = passphrase.wrappingKey(salt: salt, iterations: iterations)
        case .embedded:
            header.key_source = KEY_EMBEDDED.rawValue
            wrappingKey = CipherKey.random(Int(GCM_KEY_BYTES))
            withUnsafeMutableBytes(of: &header.embedded_kek) { $0.copyBytes(from: wrappingKey) }
        }
        let nonce = CipherKey.random(Int(GCM_NONCE_BYTES))
        withUnsafeMutableBytes(of: &header.wrap_nonce) { $0.copyBytes(from: nonce) }

        var wrapped = raw
        var tag = [UInt8](repeating: 0, count: Int(GCM_TAG_BYTES))
        let key = CipherKey(wrappingKey)
        withUnsafeBytes(of: header) { authenticated in
            gcm_seal(
                key.expanded, nonce, authenticated.baseAddress, BootImage.authenticatedBytes, raw, &wrapped,
                raw.count, &tag)
        }
        withUnsafeMutableBytes(of: &header.wrapped_key) { $0.copyBytes(from: wrapped) }
        withUnsafeMutableBytes(of: &header.wrap_tag) { $0.copyBytes(from: tag) }
    }

    /// The raw image key of a header, as the hypervisor gets it; nil when the passphrase or the header is wrong.
    package static func unwrap(_ header: image_header, passphrase: Passphrase?) -> [UInt8]? {
        let wrappingKey: [UInt8]
        if header.key_source == KEY_EMBEDDED.rawValue {
            wrappingKey = [UInt8](memoryOf: header.embedded_kek)
        } else {
            guard let passphrase else { return nil }
            wrappingKey = passphrase.wrappingKey(
                salt: [UInt8](memoryOf: header.salt), iterations: header.kdf_iterations)
        }
        let key = CipherKey(wrappingKey)
        var raw = [UInt8](repeating: 0, count: Int(GCM_KEY_BYTES))
        let genuine = withUnsafeBytes(of: header) { authenticated in
            gcm_open(
                key.expanded, [UInt8](memoryOf: header.wrap_nonce), authenticated.baseAddress,
                BootImage.authenticatedBytes, [UInt8](memoryOf: header.wrapped_key), &raw, raw.count,
                [UInt8](memoryOf: header.wrap_tag))
        }
        return genuine ? raw : nil
    }
}
