package import Foundation
import FrostCore
package import FrostFormat
import FrostSupport
import Glibc

/// Lays out an image and writes it, whole or not at all.
package struct ImageWriter {
    var hypervisor: Hypervisor
    var plan: MemoryPlan
    var options: ImageOptions
    /// nil: no guest, and the experiments of `silicon/` for a hypervisor.
    var entry: Guest.Entry?
    var guest: SealedGuest
    var key: ImageKey
    /// Of the hypervisor: ``SourceTree/fault``.
    var fault: String?

    package init(
        hypervisor: Hypervisor, plan: MemoryPlan, options: ImageOptions, entry: Guest.Entry?,
        guest: SealedGuest, key: ImageKey, fault: String? = nil
    ) {
        self.hypervisor = hypervisor
        self.plan = plan
        self.options = options
        self.entry = entry
        self.guest = guest
        self.key = key
        self.fault = fault
    }

    /// All but the key fields and the checksum come from what is known; those two come last, in this order.
    func header(in partition: SystemPartition) -> image_header {
        var header = image_header()
        withUnsafeMutableBytes(of: &header.magic) { $0.copyBytes(from: IMAGE_MAGIC.utf8) }
        header.version = IMAGE_VERSION
        header.loader_sectors = sectors(hypervisor.loader)
        header.efi_lba = UInt32(partition.fileSector)
        header.efi_sectors = sectors(hypervisor.application.head)
        header.hypervisor_lba = header.efi_lba + header.efi_sectors + UInt32(BootImage.pageSectors)
        header.hypervisor_sectors = sectors(hypervisor.binary)
        header.payload_lba = header.hypervisor_lba + header.hypervisor_sectors
        header.run_count = UInt32(guest.runs.count)

        header.ram_bytes = plan.ram.bytes
        header.covered_bytes = plan.coveredBytes
        header.frozen_base = plan.frozenBase
        header.frozen_bytes = plan.frozen.bytes
        header.meta_base = plan.metaBase
        header.meta_bytes = plan.metaBytes

        header.freeze = options.freeze.number
        header.cache = options.cache.number
        header.engine = options.engine.number
        header.policy = options.policy.number
        header.cipher = options.cipher.number
        header.devices = (options.devices ?? .none).number
        header.slot_limit = options.slotLimit
        header.trace_every = options.traceEvery
        withUnsafeMutableBytes(of: &header.ports) { memory in
            options.ports.map(\.header).withUnsafeBytes { memory.copyMemory(from: $0) }
        }

        header.guest = GUEST_NONE.rawValue
        if let entry {
            header.guest = entry.isReal ? GUEST_REAL.rawValue : GUEST_LONG64.rawValue
            header.e820_gpa = UInt32(entry.bootParameters)
            header.entry = entry.instruction
            header.stack = entry.stack
            header.cr3 = entry.pageTables
            header.rsi = entry.rsi
        }

        header.root = guest.root
        withUnsafeMutableBytes(of: &header.hypervisor_sha256) { $0.copyBytes(from: hypervisor.hash) }
        withUnsafeMutableBytes(of: &header.runs) { memory in
            guest.runs.withUnsafeBytes { memory.copyMemory(from: $0) }
        }
        if let fault {
            withUnsafeMutableBytes(of: &header.fault) { $0.copyBytes(from: fault.utf8.prefix($0.count)) }
        }
        key.wrap(into: &header, source: options.key)
        header.checksum = header.rightChecksum
        return header
    }

    /// A disk of less than a cylinder is not one that SeaBIOS boots from behind AHCI.
    private static let diskUnit = ByteCount.mebibyte.bytes

    /// Returns the image's size in bytes.
    /// - Throws: ``BootImage/Failure``; ``SystemPartition/Failure`` for a guest that is too large.
    package func write(to place: URL) throws -> UInt64 {
        let section = BootImage.headerBytes + hypervisor.binary.count + guest.payload.count
        let partition = try SystemPartition(unsigned: hypervisor.application.head.count + section)
        let header = [UInt8](memoryOf: header(in: partition))
        let before = [
            Array(hypervisor.sector.prefix(SystemPartition.bootCodeBytes)), partition.bootRecord, header,
            hypervisor.loader,
        ].flatMap(\.self)
        let parts = [
            before, [UInt8](repeating: 0, count: Int(IMAGE_ESP_LBA) * BootImage.sectorBytes - before.count),
            partition.metadata(header), hypervisor.application.head(section: section),
            BootImage.measuredHeader(header), hypervisor.binary, guest.payload,
        ]
        return try Self.publish(parts, bytes: UInt64(partition.end), at: place)
    }

    /// - Parameter bytes: of the disk, before it is rounded up.
    /// - Returns: the file's size in bytes.
    static func publish(_ parts: [[UInt8]], bytes: UInt64, at place: URL) throws(BootImage.Failure) -> UInt64
    {
        let file = place.resolvingSymlinksInPath()
        guard mayReplace(file) else {
            throw .cannotWrite(file.plainPath, reason: "it exists and is not a Frostvisor image")
        }
        let draft = file.deletingLastPathComponent()
            .appending(path: ".\(file.lastPathComponent).draft-\(getpid())")
        let descriptor = open(draft.plainPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(file) }
        defer {
            close(descriptor)
            unlink(draft.plainPath)
        }
        for part in parts where !Descriptor.write(part, to: descriptor) { throw failure(file) }
        let diskBytes = (bytes + diskUnit - 1) / diskUnit * diskUnit
        guard ftruncate(descriptor, Int(diskBytes)) == 0, fsync(descriptor) == 0,
            rename(draft.plainPath, file.plainPath) == 0
        else {
            throw failure(file)
        }
        return diskBytes
    }

    /// Nothing is lost but an older image: not a kernel named by mistake, not a device.
    private static func mayReplace(_ file: URL) -> Bool {
        var status = stat()
        guard lstat(file.plainPath, &status) == 0 else { return true }
        guard status.st_mode & S_IFMT == S_IFREG, let old = try? FileHandle(forReadingFrom: file) else {
            return false
        }
        let start = (try? old.read(upToCount: BootImage.loaderOffset)) ?? Data()
        return start.isEmpty || start.dropFirst(BootImage.headerOffset).starts(with: Array(IMAGE_MAGIC.utf8))
    }

    private func sectors(_ bytes: [UInt8]) -> UInt32 {
        UInt32(bytes.count / BootImage.sectorBytes)
    }

    private static func failure(_ file: URL) -> BootImage.Failure {
        .cannotWrite(file.plainPath, reason: String(cString: strerror(errno)))
    }
}
