import Foundation
import FrostCore
package import FrostFormat
import FrostSupport

/// A stretch of an image's bytes, and their SHA-256.
package struct MeasuredPart: Codable, Sendable, Equatable {
    /// In the order of the disk; what of an image is in none of them is not measured.
    package enum Name: String, Codable, Sendable, CaseIterable {
        case bootSector = "boot sector"
        /// The header up to the key slots, which may change without the guest becoming another. Behind them are a checksum,
        /// and what nobody believes.
        case header = "authenticated header"
        case loader
        /// The first sector of the file system; the header's copy behind it is held to the header by whoever reads the
        /// image, like the one behind the UEFI loader.
        case volume = "file system"
        /// Tables, folders and loader: what UEFI firmware reads before the image itself.
        case unifiedLoader = "UEFI loader"
        case hypervisor
        case payload
    }

    package var name: Name
    /// Of its first byte in the file.
    package var offset: UInt64
    package var bytes: UInt64
    /// Lower-case hexadecimal.
    package var sha256: String

    private static let chunk: UInt64 = 1 << 20

    /// Where all of an image's parts are.
    package static func places(of image: BootImage) -> [(name: Name, offset: UInt64, bytes: UInt64)] {
        let header = image.header, sector = UInt64(BootImage.sectorBytes)
        let partition = UInt64(SystemPartition.firstTable)
        return [
            (.bootSector, 0, sector),
            (.header, UInt64(BootImage.headerOffset), UInt64(BootImage.authenticatedBytes)),
            (.loader, UInt64(BootImage.loaderOffset), UInt64(header.loader_sectors) * sector),
            (.volume, UInt64(IMAGE_ESP_LBA) * sector, sector),
            (
                .unifiedLoader, partition * sector,
                (UInt64(header.efi_lba) + UInt64(header.efi_sectors) - partition) * sector
            ),
            (.hypervisor, UInt64(header.hypervisor_lba) * sector, UInt64(header.hypervisor_sectors) * sector),
            (.payload, UInt64(header.payload_lba) * sector, image.payloadPages * UInt64(PAGE_BYTES)),
        ]
    }

    /// - Throws: ``BootImage/Failure``
    package static func all(of image: BootImage) throws(BootImage.Failure) -> [MeasuredPart] {
        let file = try open(image.file)
        var parts: [MeasuredPart] = []
        for (name, offset, bytes) in places(of: image) {
            guard let digest = digest(of: file, from: offset, bytes: bytes) else {
                throw .unreadable(image.file.plainPath)
            }
            parts.append(MeasuredPart(name: name, offset: offset, bytes: bytes, sha256: digest))
        }
        return parts
    }

    /// - Throws: ``BootImage/Failure``, when there is no such file, or it cannot be read.
    static func open(_ file: URL) throws(BootImage.Failure) -> FileHandle {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file.plainPath, isDirectory: &isFolder) else {
            throw .missing(file.plainPath)
        }
        guard !isFolder.boolValue else { throw .folder(file.plainPath) }
        guard let handle = try? FileHandle(forReadingFrom: file) else { throw .unreadable(file.plainPath) }
        return handle
    }

    /// nil: the file ends before.
    static func digest(of file: FileHandle, from offset: UInt64, bytes: UInt64) -> String? {
        var hash = ContentHash(), at = offset
        while at < offset + bytes {
            guard let read = file.bytes(at: at, count: Int(min(offset + bytes - at, chunk))) else {
                return nil
            }
            hash.add(read)
            at += UInt64(read.count)
        }
        return hash.finish().hexadecimal
    }

    static func place(_ offset: UInt64, _ bytes: UInt64) -> String {
        "bytes \(offset) to \(offset + bytes - 1)"
    }

    var place: String { Self.place(offset, bytes) }

    /// Whether a part can be so.
    var isSound: Bool {
        let digits = Set("0123456789abcdef")
        return bytes > 0 && bytes < 1 << 40 && offset < 1 << 40 && sha256.count == 64
            && sha256.allSatisfy(digits.contains)
    }
}
