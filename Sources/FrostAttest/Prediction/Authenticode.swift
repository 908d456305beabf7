import Foundation
import FrostSupport

/// The hash by which firmware measures a UEFI application, and by which Secure Boot's signatures name it.
///
/// - Source: Microsoft, "Windows Authenticode Portable Executable Signature Format", "Calculating the PE Image Hash";
///   TCG PC Client Platform Firmware Profile 1.06, 3.3.4.5 "PCR[4]".
package enum Authenticode {
    /// What of an application is hashed, in this order; nil: it is no application for x86-64.
    package static func ranges(of application: UnsafeRawBufferPointer) -> [Range<Int>]? {
        func word<Word: FixedWidthInteger>(_ at: Int, _: Word.Type) -> Int? {
            guard at >= 0, at + MemoryLayout<Word>.size <= application.count else { return nil }
            return Int(Word(littleEndian: application.loadUnaligned(fromByteOffset: at, as: Word.self)))
        }
        guard application.count >= 64, application[0] == UInt8(ascii: "M"),
            application[1] == UInt8(ascii: "Z"),
            let header = word(60, UInt32.self), word(header, UInt32.self) == 0x4550,
            let sections = word(header + 6, UInt16.self), let optionalBytes = word(header + 20, UInt16.self),
            word(header + 24, UInt16.self) == 0x20B
        else { return nil }
        let optional = header + 24, table = optional + optionalBytes
        let checksum = optional + 64, security = optional + 144
        guard let headersEnd = word(optional + 60, UInt32.self),
            let certificates = word(security + 4, UInt32.self),
            security + 8 <= headersEnd, headersEnd <= application.count,
            certificates <= application.count - headersEnd
        else { return nil }
        var parts: [Range<Int>] = []
        for section in 0..<sections {
            guard let bytes = word(table + section * 40 + 16, UInt32.self),
                let start = word(table + section * 40 + 20, UInt32.self)
            else { return nil }
            guard bytes > 0 else { continue }
            guard start <= application.count, bytes <= application.count - start else { return nil }
            parts.append(start..<start + bytes)
        }
        parts.sort { $0.lowerBound < $1.lowerBound }
        // What lies behind the sections is hashed, but for the certificates at the end.
        let hashed = parts.reduce(headersEnd) { $0 + $1.count }
        guard hashed <= application.count - certificates else { return nil }
        return [0..<checksum, checksum + 4..<security, security + 8..<headersEnd] + parts
            + (hashed < application.count - certificates ? [hashed..<application.count - certificates] : [])
    }

    /// In each of the banks; nil: it is no application.
    package static func digests(
        of application: [UInt8], banks: [PCRBank] = PCRBank.allCases
    ) -> [PCRBank: [UInt8]]? {
        application.withUnsafeBytes { bytes in
            guard let ranges = ranges(of: bytes) else { return nil }
            return Dictionary(
                uniqueKeysWithValues: banks.map { bank in
                    let hash = BankHash(bank)
                    for range in ranges { hash.add(UnsafeRawBufferPointer(rebasing: bytes[range])) }
                    return (bank, hash.finish())
                })
        }
    }
}
