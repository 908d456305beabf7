package import FrostSupport

/// The UEFI application that an image is: the loader as `lld-link` made it, whose last section, `.frost`, holds the
/// image's header, the hypervisor and the payload.
///
/// - Source: Microsoft, "PE Format"; UEFI 2.10, 2.1.1 "UEFI Images".
package struct EFIApplication: Sendable, Equatable {
    /// All before the section's bytes, whole sectors; what depends on its size is zero.
    package let head: [UInt8]
    /// Of the fields in ``head``.
    private let fields: Fields

    private struct Fields: Equatable {
        var imageSize: Int
        var checksum: Int
        var certificates: Int
        var section: Int
    }

    private static let sectionName = Array(".frost".utf8)
    private static let sectionHeaderBytes = 40
    /// Beyond any that a linker gives it.
    private static let sectionEnd: UInt32 = 1 << 30
    /// Of certificates, in the file.
    package static let certificateUnit = 8

    /// - Parameter bytes: a whole application, or its first bytes up to the section's.
    /// - Throws: ``Failure`` unless it is for x86-64, and ``sectionName`` its last section in file and memory.
    package init(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.count >= 64, bytes.starts(with: Array("MZ".utf8)) else { throw .notPE }
        let header = Int(bytes.word(at: 60, UInt32.self))
        guard header + 24 <= bytes.count, bytes[header...].starts(with: Array("PE\0\0".utf8)) else {
            throw .notPE
        }
        let sections = Int(bytes.word(at: header + 6, UInt16.self))
        let optional = header + 24
        let table = optional + Int(bytes.word(at: header + 20, UInt16.self))
        let last = table + (sections - 1) * Self.sectionHeaderBytes
        guard sections > 0, table >= optional + 152, last + Self.sectionHeaderBytes <= bytes.count else {
            throw .truncated
        }
        guard bytes.word(at: header + 4, UInt16.self) == 0x8664,
            bytes.word(at: optional, UInt16.self) == 0x20B
        else { throw .otherMachine }
        guard bytes[last...].starts(with: Self.sectionName) else { throw .otherSections }
        let start = Int(bytes.word(at: last + 20, UInt32.self))
        guard start.isMultiple(of: 512), start >= last + Self.sectionHeaderBytes, start <= bytes.count else {
            throw .otherSections
        }
        // In memory the section goes on to the image's end, which must be an address of 32 bits as well.
        guard bytes.word(at: last + 12, UInt32.self) < Self.sectionEnd else { throw .otherSections }
        fields = Fields(
            imageSize: optional + 56, checksum: optional + 64, certificates: optional + 144, section: last)
        var head = Array(bytes.prefix(start))
        for (field, width) in [
            (fields.imageSize, 4), (fields.checksum, 4), (fields.certificates, 8), (last + 8, 4),
            (last + 16, 4),
        ] {
            head.replaceSubrange(field..<field + width, with: repeatElement(0, count: width))
        }
        self.head = head
    }

    /// ``head`` for a section of so many bytes, and certificates behind it.
    package func head(section: Int, certificates: Int = 0) -> [UInt8] {
        var head = head
        let address = Int(head.word(at: fields.section + 12, UInt32.self))
        head.store(UInt32(section), at: fields.section + 8)  // VirtualSize
        head.store(UInt32(section), at: fields.section + 16)  // SizeOfRawData
        head.store(UInt32((address + section + 4095) / 4096 * 4096), at: fields.imageSize)
        if certificates > 0 {
            head.store(UInt32(head.count + section), at: fields.certificates)
            head.store(UInt32(certificates), at: fields.certificates + 4)
        }
        return head
    }

    package enum Failure: Explained, Equatable {
        case notPE
        case otherMachine
        case truncated
        case otherSections

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .notPE: "The UEFI application is no PE file. Make the image again."
            case .otherMachine: "The UEFI application is not for x86-64. Make the image again."
            case .truncated: "The UEFI application ends within its headers. Make the image again."
            case .otherSections:
                "The last section of the UEFI application is not the one that holds the image. Make the image again."
            }
        }
    }
}
