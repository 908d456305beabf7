package import Foundation
package import FrostCore
import FrostFormat
package import FrostImage
package import FrostSupport

/// An image of a small guest beside a hypervisor of nonsense, in a folder of its own.
package final class SampleImage {
    package let folder: URL
    package let file: URL
    package let guest: Guest
    package let key = ImageKey()
    let options: ImageOptions
    let plan: MemoryPlan

    package init(
        key source: ImageKey.Source = .embedded, memory: GuestMemory? = nil, ram: ByteCount = 64 * .mebibyte
    ) throws {
        folder = FileManager.default.temporaryDirectory.appending(
            path: "frost-test-\(UUID().uuidString)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        file = folder.appending(path: "sample.img")
        plan = try MemoryPlan(ram: ram, frozen: 2 * .mebibyte)
        var options = ImageOptions(key: source)
        options.slotLimit = 99
        self.options = options

        var sample = SampleELF()
        sample.segments.append((0x120_0000, 0x120_0000, Array(repeating: 5, count: 9000), 9000))
        var guest = try Guest(long64: ELF64(sample.bytes))
        if let memory { guest.memory = memory }
        self.guest = guest
        let writer = ImageWriter(
            hypervisor: try Hypervisor(
                sector: Array(repeating: 0xEB, count: 512), loader: Array(repeating: 1, count: 700),
                application: EFIApplication(SampleApplication.bytes),
                binary: Array(repeating: 2, count: 5000), memoryBytes: 64 * .kibibyte),
            plan: plan, options: options, entry: guest.entry,
            guest: try SealedGuest(guest.memory, plan: plan, key: key.raw), key: key)
        _ = try writer.write(to: file)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    package var bytes: [UInt8] {
        get throws { [UInt8](try Data(contentsOf: file)) }
    }

    package func replace(_ bytes: [UInt8]) throws {
        try Data(bytes).write(to: file)
    }

    /// Boots something else, and says so in the header.
    package func setSector(_ sector: [UInt8]) throws {
        var bytes = try bytes
        bytes.replaceSubrange(
            0..<SystemPartition.bootCodeBytes, with: sector.prefix(SystemPartition.bootCodeBytes))
        let hash = try BootImage.hypervisorHash(of: BootImage(reading: file).header, in: bytes) ?? []
        try forge { header in
            withUnsafeMutableBytes(of: &header.hypervisor_sha256) { $0.copyBytes(from: hash) }
        }
        try replace(
            Array(bytes.prefix(SystemPartition.bootCodeBytes))
                + self.bytes.dropFirst(SystemPartition.bootCodeBytes))
    }

    /// Changes the header, and makes its checksum right again: what an attacker would do.
    package func forge(_ change: (inout image_header) -> Void) throws {
        var bytes = try bytes
        var header = try BootImage(reading: file).header
        change(&header)
        header.checksum = header.rightChecksum
        let old = try BootImage(reading: file).header, changed = [UInt8](memoryOf: header)
        let measured = Int(old.efi_lba + old.efi_sectors) * 512
        for place in [512, BootImage.copyOffset] {
            bytes.replaceSubrange(place..<place + 4096, with: changed)
        }
        bytes.replaceSubrange(measured..<measured + 4096, with: BootImage.measuredHeader(changed))
        try replace(bytes)
    }
}
