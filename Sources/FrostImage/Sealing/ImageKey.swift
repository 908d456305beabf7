package import FrostCore
package import FrostFormat
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
    package let raw: [UInt8]

    package init() {
        raw = CipherKey.random(Int(GCM_KEY_BYTES))
    }

    /// The key of an image that is there; nil where the passphrase opens no slot, or the header was changed.
    package init?(of header: image_header, passphrase: Passphrase?) {
        guard let raw = Self.unwrap(header, passphrase: passphrase) else { return nil }
        self.raw = raw
    }

    /// Fills in all key fields of a header whose other fields are final.
    func wrap(into header: inout image_header, source: Source) {
        switch source {
        case .passphrase(let passphrase, let iterations):
            header.key_source = KEY_CONSOLE.rawValue
            header.keySlots = [slot(for: passphrase, iterations: iterations, in: header)]
        case .embedded:
            header.key_source = KEY_EMBEDDED.rawValue
            let wrappingKey = CipherKey.random(Int(GCM_KEY_BYTES))
            withUnsafeMutableBytes(of: &header.embedded_kek) { $0.copyBytes(from: wrappingKey) }
            header.keySlots = [slot(under: wrappingKey, in: header)]
        }
    }

    func slot(for passphrase: Passphrase, iterations: UInt32, in header: image_header) -> key_slot {
        let salt = CipherKey.random(16)
        var slot = slot(
            under: passphrase.wrappingKey(salt: salt, iterations: iterations), in: header)
        slot.kdf_iterations = iterations
        withUnsafeMutableBytes(of: &slot.salt) { $0.copyBytes(from: salt) }
        return slot
    }

    private func slot(under wrappingKey: [UInt8], in header: image_header) -> key_slot {
        var slot = key_slot()
        let nonce = CipherKey.random(Int(GCM_NONCE_BYTES))
        var wrapped = raw
        var tag = [UInt8](repeating: 0, count: Int(GCM_TAG_BYTES))
        let key = CipherKey(wrappingKey)
        withUnsafeBytes(of: header) { authenticated in
            gcm_seal(
                key.expanded, nonce, authenticated.baseAddress, BootImage.authenticatedBytes, raw, &wrapped,
                raw.count, &tag)
        }
        withUnsafeMutableBytes(of: &slot.nonce) { $0.copyBytes(from: nonce) }
        withUnsafeMutableBytes(of: &slot.wrapped_key) { $0.copyBytes(from: wrapped) }
        withUnsafeMutableBytes(of: &slot.tag) { $0.copyBytes(from: tag) }
        return slot
    }

    /// The raw image key of a header, as the hypervisor gets it; nil when the passphrase or the header is wrong.
    package static func unwrap(_ header: image_header, passphrase: Passphrase?) -> [UInt8]? {
        if header.key_source == KEY_EMBEDDED.rawValue {
            return unwrap(header, header.slots.0, under: [UInt8](memoryOf: header.embedded_kek))
        }
        return passphrase.flatMap { opened(header, by: $0)?.raw }
    }

    /// The first slot that a passphrase opens, and what is in it.
    static func opened(_ header: image_header, by passphrase: Passphrase) -> (slot: Int, raw: [UInt8])? {
        for (number, slot) in header.keySlots.enumerated() where slot.isTaken {
            let wrappingKey = passphrase.wrappingKey(
                salt: [UInt8](memoryOf: slot.salt), iterations: slot.kdf_iterations)
            if let raw = unwrap(header, slot, under: wrappingKey) { return (number, raw) }
        }
        return nil
    }

    private static func unwrap(
        _ header: image_header, _ slot: key_slot, under wrappingKey: [UInt8]
    ) -> [UInt8]? {
        let key = CipherKey(wrappingKey)
        var raw = [UInt8](repeating: 0, count: Int(GCM_KEY_BYTES))
        let genuine = withUnsafeBytes(of: header) { authenticated in
            gcm_open(
                key.expanded, [UInt8](memoryOf: slot.nonce), authenticated.baseAddress,
                BootImage.authenticatedBytes, [UInt8](memoryOf: slot.wrapped_key), &raw, raw.count,
                [UInt8](memoryOf: slot.tag))
        }
        return genuine ? raw : nil
    }
}
