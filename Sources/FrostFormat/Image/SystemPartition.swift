import FrostCore
package import FrostSupport

/// The EFI system partition of an image: a FAT16 file system with one file, `\EFI\BOOT\BOOTX64.EFI`, in one piece, so that
/// a BIOS's loader finds the same bytes by sector numbers.
///
/// - Shape: boot sector | the image's header | FAT | FAT | root folder | EFI | BOOT | the file's clusters
/// - Source: Microsoft, "FAT: General Overview of On-Disk Format" 1.03; UEFI 2.10, 13.3 "File System Format".
package struct SystemPartition: Sendable, Equatable {
    /// Of the file without certificates: decides where everything lies.
    package let unsignedBytes: Int
    /// Of the file.
    package let fileBytes: Int

    private let clusterSectors: Int
    private let clusters: Int

    private static let sectorBytes = Int(IMAGE_SECTOR_BYTES)
    private static let start = Int(IMAGE_ESP_LBA)
    /// Before the tables: the boot sector, and the header, which no file system knows of.
    private static let reserved = Int(IMAGE_ESP_HEADER) + MemoryLayout<image_header>.size / sectorBytes
    /// Of the image.
    package static let firstTable = start + reserved
    private static let rootEntries = 512
    private static let entryBytes = 32
    private static let rootSectors = rootEntries * entryBytes / sectorBytes
    private static let folders = 2
    /// By the number of clusters drivers tell FAT16 from FAT12 and FAT32.
    private static let clusterRange = 4100...65_000
    private static let mostClusterSectors = 64
    /// Left for signatures.
    package static let certificateRoom = 64 * 1024
    /// Bytes of the master boot record before its table of partitions.
    package static let bootCodeBytes = 446

    /// - Throws: ``Failure/tooLarge(_:)``
    package init(unsigned: Int, certificates: Int = 0) throws(Failure) {
        var clusterSectors = 1
        func needed() -> Int {
            let bytes = clusterSectors * Self.sectorBytes
            return Self.folders + (unsigned + Self.certificateRoom + bytes - 1) / bytes
        }
        while needed() > Self.clusterRange.upperBound {
            guard clusterSectors < Self.mostClusterSectors else { throw .tooLarge(unsigned) }
            clusterSectors *= 2
        }
        guard certificates <= Self.certificateRoom else { throw .manyCertificates(certificates) }
        unsignedBytes = unsigned
        fileBytes = unsigned + certificates
        self.clusterSectors = clusterSectors
        clusters = max(needed(), Self.clusterRange.lowerBound)
    }

    private var tableSectors: Int { ((clusters + 2) * 2 + Self.sectorBytes - 1) / Self.sectorBytes }
    private var sectors: Int {
        Self.reserved + 2 * tableSectors + Self.rootSectors + clusters * clusterSectors
    }

    /// Where the file lies in the image.
    package var fileSector: Int {
        Self.start + Self.reserved + 2 * tableSectors + Self.rootSectors + Self.folders * clusterSectors
    }
    /// Where the image says how long the file is, in bytes.
    package var fileBytesOffset: Int {
        (fileSector - clusterSectors) * Self.sectorBytes + 2 * Self.entryBytes + 28
    }
    /// Of the image, in bytes.
    package var end: Int { (Self.start + sectors) * Self.sectorBytes }

    /// The master boot record's table, and its signature: one partition, which is active for BIOSes that want one.
    package var bootRecord: [UInt8] {
        var table = [UInt8](repeating: 0, count: 64)
        table.replaceSubrange(0..<8, with: [0x80, 0xFE, 0xFF, 0xFF, 0xEF, 0xFE, 0xFF, 0xFF])
        table.store(UInt32(Self.start), at: 8)
        table.store(UInt32(sectors), at: 12)
        return table + [0x55, 0xAA]
    }

    /// All before the file.
    /// - Parameter header: the image's.
    package func metadata(_ header: [UInt8]) -> [UInt8] {
        let clusterBytes = clusterSectors * Self.sectorBytes
        let root = [
            Self.entry("FROSTVISOR ", kind: .label), Self.entry("EFI        ", kind: .folder, cluster: 2),
        ]
        let efi = Self.parents(own: 2, above: 0) + [Self.entry("BOOT       ", kind: .folder, cluster: 3)]
        let boot =
            Self.parents(own: 3, above: 2) + [
                Self.entry("BOOTX64 EFI", kind: .file, cluster: 4, bytes: fileBytes)
            ]
        return bootSector + header + table + table
            + Self.folder(root, bytes: Self.rootSectors * Self.sectorBytes)
            + Self.folder(efi, bytes: clusterBytes) + Self.folder(boot, bytes: clusterBytes)
    }

    private var bootSector: [UInt8] {
        var sector = [UInt8](repeating: 0, count: Self.sectorBytes)
        sector.replaceSubrange(0..<11, with: [0xEB, 0x3C, 0x90] + Array("FROST   ".utf8))
        sector.store(UInt16(Self.sectorBytes), at: 11)
        sector[13] = UInt8(clusterSectors)
        sector.store(UInt16(Self.reserved), at: 14)
        sector[16] = 2  // tables
        sector.store(UInt16(Self.rootEntries), at: 17)
        sector.store(UInt16(sectors < 0x10000 ? sectors : 0), at: 19)
        sector[21] = 0xF8  // fixed disk
        sector.store(UInt16(tableSectors), at: 22)
        sector.store(UInt16(63), at: 24)
        sector.store(UInt16(255), at: 26)
        sector.store(UInt32(Self.start), at: 28)
        sector.store(UInt32(sectors < 0x10000 ? 0 : sectors), at: 32)
        sector[36] = 0x80
        sector[38] = 0x29  // a serial number, a label and a type follow
        sector.store(UInt32(0x4652_4F53), at: 39)
        sector.replaceSubrange(43..<62, with: Array("FROSTVISOR FAT16   ".utf8))
        sector.replaceSubrange(510..<512, with: [0x55, 0xAA])
        return sector
    }

    private var table: [UInt8] {
        var table = [UInt8](repeating: 0, count: tableSectors * Self.sectorBytes)
        let clusterBytes = clusterSectors * Self.sectorBytes
        let last = 3 + (fileBytes + clusterBytes - 1) / clusterBytes
        for (cluster, next) in [(0, 0xFFF8), (1, 0xFFFF), (2, 0xFFFF), (3, 0xFFFF)] {
            table.store(UInt16(next), at: 2 * cluster)
        }
        for cluster in 4...last {
            table.store(UInt16(cluster == last ? 0xFFFF : cluster + 1), at: 2 * cluster)
        }
        return table
    }

    private enum EntryKind: UInt8 {
        case label = 0x08
        case folder = 0x10
        case file = 0x20
    }

    private static func entry(_ name: String, kind: EntryKind, cluster: Int = 0, bytes: Int = 0) -> [UInt8] {
        var entry = Array(name.utf8) + [UInt8](repeating: 0, count: entryBytes - 11)
        entry[11] = kind.rawValue
        // 1 January 1980: the first there is.
        for date in [16, 18, 24] { entry.store(UInt16(0x21), at: date) }
        entry.store(UInt16(cluster), at: 26)
        entry.store(UInt32(bytes), at: 28)
        return entry
    }

    private static func parents(own: Int, above: Int) -> [[UInt8]] {
        [
            entry(".          ", kind: .folder, cluster: own),
            entry("..         ", kind: .folder, cluster: above),
        ]
    }

    private static func folder(_ entries: [[UInt8]], bytes: Int) -> [UInt8] {
        let used = entries.flatMap(\.self)
        return used + [UInt8](repeating: 0, count: bytes - used.count)
    }

    package enum Failure: Explained, Equatable {
        case tooLarge(Int)
        case manyCertificates(Int)

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .tooLarge(let bytes):
                """
                The guest and the hypervisor are \(ByteCount(UInt64(bytes)).rounded), more than the image's file system \
                holds, 2 GiB. Give a smaller initrd.
                """
            case .manyCertificates(let bytes):
                """
                The signatures take \(bytes.of("byte")); the image has room for \(SystemPartition.certificateRoom). \
                Use fewer of them.
                """
            }
        }
    }
}
