package import FrostCore

/// An AES-256-GCM key, expanded for the core's kernels; wiped when it is no longer used.
package final class CipherKey {
    package let expanded = UnsafeMutablePointer<gcm_key>.allocate(capacity: 1)

    /// `raw` has 32 bytes.
    package init(_ raw: [UInt8]) {
        precondition(raw.count == Int(GCM_KEY_BYTES))
        gcm_key_expand(expanded, raw)
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
