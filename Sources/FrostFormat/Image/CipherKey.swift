package import FrostCore

/// An AES-256-GCM key, expanded for one of the core's kernels; wiped when it is no longer used.
package final class CipherKey {
    package let expanded = UnsafeMutablePointer<gcm_key>.allocate(capacity: 1)

    /// - Parameters:
    ///   - raw: 32 bytes.
    ///   - cipher: one that this CPU can run.
    package init(_ raw: [UInt8], for cipher: CipherChoice = .auto) {
        guard raw.count == Int(GCM_KEY_BYTES), let kernel = gcm_kernel_find(cipher.kernel) else {
            preconditionFailure("This CPU cannot run the page cipher.")
        }
        gcm_key_expand(kernel, expanded, raw)
    }

    deinit {
        bytes_wipe(expanded, MemoryLayout<gcm_key>.size)
        expanded.deallocate()
    }

    package static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
