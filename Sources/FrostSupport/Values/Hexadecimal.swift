extension UnsignedInteger {
    /// As in `0x1f`.
    package var hexadecimal: String { "0x" + String(self, radix: 16) }
}

extension [UInt8] {
    /// Two digits a byte.
    package var hexadecimal: String {
        map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }
}
