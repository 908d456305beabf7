import FrostCore
import FrostFormat
import FrostMachine
import FrostSupport

/// All that is known of what the guest had in memory: no 16 bytes of it may stand in DRAM.
///
/// - Source: the image's pages, each home that was sealed, and the frozen region at the end; opened by OpenSSL.
final class KnownPlaintext {
    let regionEnd: MappedFile?
    private let image: [UInt8]
    private let all: BlockSet
    private let imageFile: MappedFile
    private let publicFileBytes: Int

    /// Blocks that DRAM held before there was any secret.
    private(set) var publicBlocks = 0
    /// Blocks that are looked for.
    private(set) var blocks = 0

    private static let block = 16

    /// Nil when there is no memory for it.
    init?(_ record: CacheRecord, survey: RecordSurvey, image: ImageContent) {
        self.image = image.plaintext
        regionEnd = MappedFile(record.folder.regionEnd)
        let pages = survey.entries * Int(PAGE_BYTES)
        let bytes = pages + image.plaintext.count + (regionEnd?.bytes.count ?? 0)
        guard let all = BlockSet(capacity: bytes / Self.block), let file = MappedFile(record.folder.image)
        else { return nil }
        self.all = all
        imageFile = file
        publicFileBytes = Int(record.image.header.payload_lba) * Int(IMAGE_SECTOR_BYTES)
    }

    func addPage(_ page: UnsafeRawBufferPointer) {
        all.add(page)
    }

    /// What is no secret: the image's header, loader and hypervisor, and what others had filled.
    func publicMemory(of record: CacheRecord, in view: DRAMReplay) -> [UnsafeRawBufferPointer] {
        [imageFile.slice(0..<publicFileBytes)] + record.foreign(in: view.file).map { view.file.slice($0) }
    }

    /// Of the image alone. These were secret from the beginning.
    func imageBlocks(without shared: [UnsafeRawBufferPointer]) -> BlockSet? {
        guard let set = BlockSet(capacity: image.count / Self.block) else { return nil }
        image.withUnsafeBytes { set.add($0) }
        for memory in shared { set.remove(standingIn: memory) }
        return set
    }

    /// Of image and run. What DRAM held when the log of writes begins is none of the run's secrets: no key existed.
    func allBlocks(without shared: [UnsafeRawBufferPointer], _ base: DRAMReplay) -> BlockSet {
        if let regionEnd { all.add(UnsafeRawBufferPointer(regionEnd.bytes)) }
        for extent in base.file.extents { publicBlocks += all.remove(standingIn: base.file.slice(extent)) }
        image.withUnsafeBytes { all.add($0) }
        for memory in shared { publicBlocks += all.remove(standingIn: memory) }
        blocks = all.count
        return all
    }
}
