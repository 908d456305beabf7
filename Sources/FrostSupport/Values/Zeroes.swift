import Glibc

extension UnsafeRawBufferPointer {
    package var isZero: Bool {
        guard let base = baseAddress, count > 0 else { return true }
        return self[0] == 0 && memcmp(base, base + 1, count - 1) == 0
    }
}

extension [UInt8] {
    package var isZero: Bool { withUnsafeBytes { $0.isZero } }
}
