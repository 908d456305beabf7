import Foundation
import FrostCore
import FrostSupport
import ResidencyRecord

/// DRAM as it was when the log of writes began, and after each write of the log.
final class DRAMReplay {
    let log: ResidencyLog
    let file: MappedFile

    /// Nil when the file is not there, or is not as large as the machine's RAM.
    init?(_ base: URL, log: ResidencyLog) {
        guard let file = MappedFile(base), file.bytes.count == Int(log.header.ram_bytes) else { return nil }
        self.file = file
        self.log = log
    }

    /// Returns where the write lies in the file.
    @discardableResult
    func apply(_ transfer: residency_transfer, _ bytes: UnsafeRawBufferPointer) -> Range<Int> {
        guard let offset = log.fileOffset(transfer.address, bytes: transfer.bytes) else { return 0..<0 }
        let range = offset..<offset + bytes.count
        UnsafeMutableRawBufferPointer(rebasing: file.bytes[range]).copyMemory(from: bytes)
        return range
    }

    func page(at address: UInt64) -> [UInt8]? {
        guard let offset = log.fileOffset(address, bytes: UInt32(PAGE_BYTES)) else { return nil }
        return [UInt8](file.slice(offset..<offset + Int(PAGE_BYTES)))
    }

    func bytes(at range: Range<UInt64>) -> [UInt8] {
        guard let offset = log.fileOffset(range.lowerBound, bytes: UInt32(range.count)) else { return [] }
        return [UInt8](file.slice(offset..<offset + range.count))
    }

    /// File offsets of the pages that differ from another file of the same size.
    func differences(from other: MappedFile) -> [Int] {
        let page = Int(PAGE_BYTES)
        guard file.bytes.count == other.bytes.count else { return [0] }
        return stride(from: 0, to: file.bytes.count, by: page).filter { at in
            let count = min(page, file.bytes.count - at)
            guard let ours = file.bytes.baseAddress, let theirs = other.bytes.baseAddress else { return true }
            return memcmp(ours + at, theirs + at, count) != 0
        }
    }
}
