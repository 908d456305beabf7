package import Foundation
package import FrostCore
package import FrostSupport

/// A bootable disk image on disk: boot sector, header, loaders, hypervisor, sealed guest.
///
/// - Source: `hypervisor/core/include/image.h`.
package struct BootImage: Sendable {
    package let file: URL
    package let header: image_header
    /// What the header was made from.
    package let plan: MemoryPlan

    package static let sectorBytes = Int(IMAGE_SECTOR_BYTES)
    package static let pageSectors = UInt64(PAGE_BYTES / IMAGE_SECTOR_BYTES)
    package static let headerOffset = Int(IMAGE_HEADER_LBA) * sectorBytes
    package static let headerBytes = MemoryLayout<image_header>.size
    package static let loaderOffset = Int(IMAGE_LOADER_LBA) * sectorBytes
    /// The header up to its keys.
    package static let authenticatedBytes = MemoryLayout<image_header>.offset(of: \.slots) ?? 0
    package static let checksumOffset = MemoryLayout<image_header>.offset(of: \.checksum) ?? 0

    /// The fault that its hypervisor has on purpose.
    package var faultName: String? {
        let name = String(decoding: [UInt8](memoryOf: header.fault).prefix { $0 != 0 }, as: UTF8.self)
        return name.isEmpty ? nil : name
    }
    package var needsPassphrase: Bool { header.key_source == KEY_CONSOLE.rawValue }
    package var entersRealMode: Bool { header.guest == GUEST_REAL.rawValue }
    /// The experiments of `silicon/` stand where the hypervisor would, and there is no guest.
    package var isSilicon: Bool { header.guest == GUEST_NONE.rawValue }
    package var freeze: FreezeStrategy? { FreezeStrategy(number: header.freeze) }
    package var cache: CacheDemand? { CacheDemand(number: header.cache) }
    package var engine: EngineChoice? { EngineChoice(number: header.engine) }
    package var policy: EvictionPolicy? { EvictionPolicy(number: header.policy) }
    package var devices: DeviceSharing? { DeviceSharing(number: header.devices) }
    package var cipher: CipherChoice? { CipherChoice(number: header.cipher) }

    /// That the guest may reach besides those of every guest.
    package var ports: [PortRange] { Self.declared(header).compactMap(PortRange.init) }

    private static func declared(_ header: image_header) -> [port_range] {
        withUnsafeBytes(of: header.ports) { $0.bindMemory(to: port_range.self).filter { $0.count > 0 } }
    }

    /// Homes of the payload's pages, in the payload's order.
    package var runs: [image_run] {
        withUnsafeBytes(of: header.runs) {
            Array($0.bindMemory(to: image_run.self).prefix(Int(header.run_count)))
        }
    }

    /// Reads and checks everything that can be checked without the key.
    /// - Throws: ``Failure``
    package init(reading file: URL) throws(Failure) {
        let path = file.plainPath
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .missing(path)
        }
        guard !isFolder.boolValue else { throw .folder(path) }
        // Not all of it: the payload may be large, and only a boot needs it. A disk has no size but where it ends.
        guard let disk = try? FileHandle(forReadingFrom: file), let size = try? disk.seekToEnd() else {
            throw .unreadable(path)
        }
        guard size >= UInt64(Self.loaderOffset) else { throw .foreign(path) }
        guard let bytes = disk.bytes(at: UInt64(Self.headerOffset), count: Self.headerBytes) else {
            throw .unreadable(path)
        }
        guard bytes.starts(with: Array(IMAGE_MAGIC.utf8)) else { throw .foreign(path) }
        let header = bytes.withUnsafeBytes { $0.loadUnaligned(as: image_header.self) }
        guard header.version == IMAGE_VERSION else { throw .version(path, header.version) }
        guard crc32(0, bytes, Self.checksumOffset) == header.checksum else {
            throw .damaged(path, what: "header")
        }

        self.file = file
        self.header = header
        do {
            plan = try MemoryPlan(ram: ByteCount(header.ram_bytes), frozen: ByteCount(header.frozen_bytes))
        } catch {
            throw .damaged(path, what: "memory plan")
        }
        try checkPlan()
        try checkSectors(fileBytes: size)
        try checkRuns()
        let payload = Int(header.payload_lba) * Self.sectorBytes
        guard let head = disk.bytes(at: 0, count: payload) else { throw .unreadable(path) }
        guard Self.hypervisorHash(of: header, in: head) == [UInt8](memoryOf: header.hypervisor_sha256) else {
            throw .damaged(path, what: "hypervisor")
        }
        guard hasSystemPartition(head) else { throw .damaged(path, what: "EFI system partition") }
    }

    /// The same image, whatever lies at another place: to boot what somebody has changed.
    package init(_ image: BootImage, at file: URL) {
        (self.file, header, plan) = (file, image.header, image.plan)
    }

    /// Makes the header's checksum right again, and its copies the same, as whoever changes a header would.
    /// - Parameter file: an image's bytes.
    package static func mendChecksum(of file: inout [UInt8]) {
        let checksum = crc32(0, Array(file[headerOffset..<headerOffset + checksumOffset]), checksumOffset)
        let place = headerOffset + checksumOffset
        file.replaceSubrange(place..<place + 4, with: [UInt8](memoryOf: checksum.littleEndian))
        let bytes = Array(file[headerOffset..<loaderOffset])
        file.replaceSubrange(copyOffset..<copyOffset + headerBytes, with: bytes)
        let header = bytes.withUnsafeBytes { $0.loadUnaligned(as: image_header.self) }
        let measured = (Int(header.efi_lba) + Int(header.efi_sectors)) * sectorBytes
        guard measured >= loaderOffset, measured + headerBytes <= file.count else { return }
        file.replaceSubrange(measured..<measured + headerBytes, with: measuredHeader(bytes))
    }

    /// Of the header, in the EFI system partition: with the keys.
    package static let copyOffset = Int(IMAGE_ESP_LBA + IMAGE_ESP_HEADER) * sectorBytes

    /// What of a header stands in the UEFI application, so that keys may come and go while what firmware measures stays.
    package static func measuredHeader(_ header: [UInt8]) -> [UInt8] {
        header.prefix(authenticatedBytes)
            + [UInt8](repeating: 0, count: header.count - authenticatedBytes)
    }

    /// Ciphertext pages, back to back.
    /// - Throws: ``Failure/unreadable(_:)``
    package func payload() throws(Failure) -> [UInt8] {
        guard let data = try? Data(contentsOf: file, options: .alwaysMapped) else {
            throw .unreadable(file.plainPath)
        }
        return [UInt8](
            data.dropFirst(Int(header.payload_lba) * Self.sectorBytes)
                .prefix(Int(payloadPages) * Int(PAGE_BYTES)))
    }

    /// - Parameters:
    ///   - sector: its table of partitions does not count.
    ///   - application: nor do the sizes in its headers.
    package static func hypervisorHash(
        sector: [UInt8], loader: [UInt8], application: EFIApplication, binary: [UInt8]
    ) -> [UInt8] {
        ContentHash.of(
            Array(sector.prefix(SystemPartition.bootCodeBytes)), loader, application.head, binary)
    }

    /// nil where there is no UEFI application.
    /// - Parameter file: the image, up to the payload at least.
    package static func hypervisorHash(of header: image_header, in file: [UInt8]) -> [UInt8]? {
        func part(_ lba: UInt32, _ sectors: UInt32) -> [UInt8] {
            let start = min(Int(lba) * sectorBytes, file.count)
            return Array(file[start..<min(start + Int(sectors) * sectorBytes, file.count)])
        }
        guard let application = try? EFIApplication(part(header.efi_lba, header.efi_sectors)) else {
            return nil
        }
        return hypervisorHash(
            sector: file, loader: part(IMAGE_LOADER_LBA, header.loader_sectors), application: application,
            binary: part(header.hypervisor_lba, header.hypervisor_sectors))
    }

    /// From the header's copy to the payload's end.
    private var sectionBytes: Int {
        let sectors = UInt64(header.payload_lba - header.efi_lba - header.efi_sectors)
        return Int((sectors + payloadPages * Self.pageSectors) * UInt64(Self.sectorBytes))
    }

    package var payloadPages: UInt64 { runs.reduce(0) { $0 + UInt64($1.pages) } }

    /// Byte for byte as it is written.
    private func hasSystemPartition(_ head: [UInt8]) -> Bool {
        let start = Int(header.efi_lba) * Self.sectorBytes
        let end = start + Int(header.efi_sectors) * Self.sectorBytes
        guard let application = try? EFIApplication(Array(head[start..<end])),
            let unsigned = try? SystemPartition(unsigned: application.head.count + sectionBytes),
            unsigned.fileSector == Int(header.efi_lba)
        else { return false }
        let certificates = Int(head.word(at: unsigned.fileBytesOffset, UInt32.self)) - unsigned.fileBytes
        guard certificates >= 0,
            let partition = try? SystemPartition(unsigned: unsigned.fileBytes, certificates: certificates)
        else { return false }
        let bytes = Array(head[Self.headerOffset..<Self.loaderOffset])
        return head[start..<end].elementsEqual(
            application.head(section: sectionBytes, certificates: certificates))
            && head[end..<end + Self.headerBytes].elementsEqual(Self.measuredHeader(bytes))
            && head[SystemPartition.bootCodeBytes..<Self.sectorBytes].elementsEqual(partition.bootRecord)
            && head[Int(IMAGE_ESP_LBA) * Self.sectorBytes..<start].elementsEqual(partition.metadata(bytes))
    }

    /// What UEFI firmware loads, without signatures.
    /// - Throws: ``Failure/unreadable(_:)``
    package func application() throws -> [UInt8] {
        guard let data = try? Data(contentsOf: file, options: .alwaysMapped) else {
            throw Failure.unreadable(file.plainPath)
        }
        let start = Int(header.efi_lba) * Self.sectorBytes
        let section = start + Int(header.efi_sectors) * Self.sectorBytes
        let application = try EFIApplication([UInt8](data[start..<section]))
        return application.head(section: sectionBytes) + data[section..<section + sectionBytes]
    }

    /// - Throws: ``Failure/silicon(_:)`` for what has neither a hypervisor nor a guest.
    package func requireGuest() throws(Failure) {
        if isSilicon { throw .silicon(file.plainPath) }
    }

    // MARK: checks

    private func checkPlan() throws(Failure) {
        let fits =
            header.frozen_base == plan.frozenBase && header.meta_base == plan.metaBase
            && header.meta_bytes == plan.metaBytes && header.covered_bytes == plan.coveredBytes
        guard fits else { throw .damaged(file.plainPath, what: "memory plan") }
        let isKnown =
            freeze != nil && engine != nil && policy != nil && cipher != nil
            && [KEY_CONSOLE.rawValue, KEY_EMBEDDED.rawValue].contains(header.key_source)
            && [GUEST_LONG64.rawValue, GUEST_REAL.rawValue, GUEST_NONE.rawValue].contains(header.guest)
            && cache != nil && devices != nil && ports.count == Self.declared(header).count
            && hasSoundSlots
        guard isKnown else { throw .damaged(file.plainPath, what: "header") }
    }

    private var hasSoundSlots: Bool {
        let taken = header.keySlots.filter(\.isTaken)
        return taken.isEmpty == !needsPassphrase
            && taken.allSatisfy { (IMAGE_KDF_MINIMUM...IMAGE_KDF_MAXIMUM).contains($0.kdf_iterations) }
    }

    private func checkSectors(fileBytes: UInt64) throws(Failure) {
        let application = UInt64(IMAGE_LOADER_LBA) + UInt64(header.loader_sectors)
        let hypervisor = UInt64(header.efi_lba) + UInt64(header.efi_sectors) + Self.pageSectors
        let payload = UInt64(header.hypervisor_lba) + UInt64(header.hypervisor_sectors)
        guard header.loader_sectors > 0, header.efi_sectors > 0, header.hypervisor_sectors > 0,
            application <= UInt64(IMAGE_ESP_LBA), header.efi_lba > UInt32(SystemPartition.firstTable),
            UInt64(header.hypervisor_sectors).isMultiple(of: Self.pageSectors),
            UInt64(header.hypervisor_lba) == hypervisor, UInt64(header.payload_lba) == payload,
            UInt64(header.hypervisor_sectors) * UInt64(Self.sectorBytes) <= header.frozen_bytes,
            header.run_count <= IMAGE_RUNS
        else { throw .damaged(file.plainPath, what: "table of contents") }

        let needed = (payload + payloadPages * Self.pageSectors) * UInt64(Self.sectorBytes)
        guard fileBytes >= needed else {
            throw .truncated(file.plainPath, bytes: fileBytes, needed: needed)
        }
    }

    private func checkRuns() throws(Failure) {
        var end = UInt64(PAGE_BYTES)
        for run in runs {
            let pages = UInt64(run.pages) * UInt64(PAGE_BYTES)
            let isPlaced =
                run.home >= end && run.home.isMultiple(of: UInt64(PAGE_BYTES)) && run.pages > 0
                && run.home <= plan.frozenBase && pages <= plan.frozenBase - run.home
            guard isPlaced, run.home >= UInt64(LOADER_LOW_END) || run.home + pages <= UInt64(LOADER_LOW_BASE)
            else { throw .damaged(file.plainPath, what: "list of pages") }
            end = run.home + pages
        }
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case folder(String)
        case unreadable(String)
        case foreign(String)
        case version(String, UInt32)
        case damaged(String, what: String)
        case truncated(String, bytes: UInt64, needed: UInt64)
        case cannotWrite(String, reason: String)
        case silicon(String)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .unreadable: .inputOutput
            case .folder, .foreign, .version, .damaged, .truncated, .silicon: .badInput
            case .cannotWrite: .cannotWrite
            }
        }

        package var description: String {
            switch self {
            case .missing(let path): "There is no file \(path). Make an image with frost make-image."
            case .folder(let path): "\(path) is a folder, not an image. Make one with frost make-image."
            case .unreadable(let path): "\(path) cannot be read. Check its permissions."
            case .foreign(let path): "\(path) is not a Frostvisor image. Make one with frost make-image."
            case .version(let path, let version):
                "\(path) has image format \(version); this frost knows \(IMAGE_VERSION). Make the image again."
            case .damaged(let path, let what):
                "\(path) is damaged: its \(what) does not add up. Do not boot it; make the image again."
            case .truncated(let path, let bytes, let needed):
                "\(path) is cut short: \(bytes.of("byte")) of \(needed). Copy it again, or make the image again."
            case .silicon(let path):
                """
                \(path) has experiments for a PC's caches, and neither a hypervisor nor a guest: nothing to prove or \
                attack. Start it with frost run, or on a PC: docs/guide/silicon.md.
                """
            case .cannotWrite(let path, let reason):
                "\(path) cannot be written: \(reason). Choose another place with -o."
            }
        }
    }
}
