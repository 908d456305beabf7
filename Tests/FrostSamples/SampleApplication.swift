import FrostSupport

/// The head of a UEFI application that does nothing: one section, for the image.
package enum SampleApplication {
    package static let bytes: [UInt8] = {
        var bytes = [UInt8](repeating: 0, count: 1024)
        bytes.replaceSubrange(0..<2, with: Array("MZ".utf8))
        bytes.store(UInt32(0x80), at: 60)
        bytes.replaceSubrange(0x80..<0x84, with: Array("PE\0\0".utf8))
        bytes.store(UInt16(0x8664), at: 0x84)
        bytes.store(UInt16(1), at: 0x86)  // sections
        bytes.store(UInt16(240), at: 0x94)  // of the optional header
        bytes.store(UInt16(0x20B), at: 0x98)
        bytes.store(UInt32(bytes.count), at: 0x98 + 60)  // of all headers
        let section = 0x98 + 240
        bytes.replaceSubrange(section..<section + 6, with: Array(".frost".utf8))
        bytes.store(UInt32(0x1000), at: section + 12)
        bytes.store(UInt32(bytes.count), at: section + 20)
        return bytes
    }()
}
