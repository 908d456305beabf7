import Foundation
import FrostFormat
@testable import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// The file system in an image, as others read it, and the application in it.
@Suite struct SystemPartitionTests {
    private static let start = 64 * 512
    private static let header = [UInt8](repeating: 0xA5, count: BootImage.headerBytes)

    @Test(
        "A file system of any size is one that fsck.vfat finds nothing to say of, and mtools reads",
        arguments: [5120, 2_000_000, 33_000_000, 40_000_001, 300_000_000, 2_000_000_000])
    func fileSystem(bytes: Int) throws {
        let partition = try SystemPartition(unsigned: bytes, certificates: 1704)
        let folder = FileManager.default.temporaryDirectory.appending(path: "frost-fat-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "fat")
        try Data(partition.metadata(Self.header) + Array("the first bytes".utf8)).write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        try handle.truncate(atOffset: UInt64(partition.end - Self.start))
        try handle.close()
        // Both are silent, or say what is wrong.
        try Tool.bash.run(
            ["-c", "PATH=$PATH:/usr/sbin:/sbin fsck.vfat -n \(file.plainPath)"], for: "check the file system")
        let listed = try Tool.bash.run(
            ["-c", "mdir -i \(file.plainPath) ::/EFI/BOOT"], for: "list the file system")
        let words = String(decoding: listed, as: UTF8.self).replacing(" ", with: "")
        #expect(words.contains("BOOTX64EFI\(bytes + 1704)"), "\(words)")
        let read = try Tool.bash.run(
            ["-c", "mtype -i \(file.plainPath) ::/EFI/BOOT/BOOTX64.EFI | head -c 15"], for: "read the file")
        #expect(String(decoding: read, as: UTF8.self) == "the first bytes")
        #expect(partition.metadata(Self.header).count == partition.fileSector * 512 - Self.start)
    }

    @Test("What a FAT16 cannot hold is refused")
    func limits() throws {
        #expect(throws: SystemPartition.Failure.tooLarge(2_200_000_000)) {
            try SystemPartition(unsigned: 2_200_000_000)
        }
        #expect(throws: SystemPartition.Failure.manyCertificates(65_537)) {
            try SystemPartition(unsigned: 5120, certificates: 65_537)
        }
    }

    @Test("What is no UEFI application for x86-64, or has another last section, is refused")
    func applications() throws {
        let good = SampleApplication.bytes
        #expect(try EFIApplication(good).head == good)
        let section = 0x98 + 240
        let changes: [(Int, UInt8, EFIApplication.Failure)] = [
            (0, 0, .notPE), (0x80, 0, .notPE), (0x84, 0x4C, .otherMachine), (0x98, 0, .otherMachine),
            (0x86, 0, .truncated), (0x87, 0x40, .truncated), (section, 0, .otherSections),
            (section + 20, 1, .otherSections), (section + 22, 1, .otherSections),
            (section + 15, 0x40, .otherSections), (section + 15, 0xFF, .otherSections),
        ]
        for (place, value, failure) in changes {
            var bad = good
            bad[place] = value
            #expect(throws: failure) { try EFIApplication(bad) }
        }
    }

    @Test(
        "A byte changed in the table of partitions, the file system, the application's headers or its copy of the header is seen",
        arguments: [
            446, 510, 64 * 512, 66 * 512, 98 * 512, 131 * 512, 132 * 512 + 92, 133 * 512 + 0xD0, 135 * 512,
            142 * 512,
        ])
    func damage(offset: Int) throws {
        let sample = try SampleImage()
        var bytes = try sample.bytes
        bytes[offset] ^= 1
        try sample.replace(bytes)
        #expect(throws: BootImage.Failure.self) { try BootImage(reading: sample.file) }
    }

    @Test("The application is whole: what firmware loads is what the BIOS's loader reads")
    func application() throws {
        let sample = try SampleImage()
        let image = try BootImage(reading: sample.file)
        let application = try image.application()
        #expect(application.suffix(try image.payload().count).elementsEqual(try image.payload()))
        #expect(application.starts(with: Array("MZ".utf8)))
        #expect(try EFIApplication(application).head.count == 1024)
    }
}
