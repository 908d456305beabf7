import Foundation
package import FrostFormat
import FrostImage
package import FrostProof
package import FrostSupport
import Glibc
import ResidencyRecord

/// What the memory modules of a recorded run held: at one instant, then at a later one, and so on.
///
/// - Shape: pages of 4096 bytes, by their offset in the files of DRAM.
/// - Units: an instant is a number of instructions since reset.
package final class DRAMView {
    package let log: ResidencyLog
    package let pageCount: Int
    /// As it was when the log of writes began: nothing secret had been in the machine until then.
    let base: UnsafeRawBufferPointer
    /// As it is at ``instant``.
    let bytes: UnsafeRawBufferPointer
    package private(set) var instant: UInt64 = 0
    /// The instant falls into a write: what it writes is there in part.
    package var isWithinWrite: Bool { unfinished != nil }

    let baseFile: MappedFile
    private let file: MappedFile
    private var records: ResidencyLog.Records
    private var next: (write: residency_transfer, data: UnsafeRawBufferPointer)?
    /// The write that the instant falls into, and how many of its bytes are done.
    private var unfinished: (write: residency_transfer, data: UnsafeRawBufferPointer, done: Int)?

    package static let pageBytes = GuestMemory.pageBytes

    /// - Throws: ``Failure``, ``ResidencyLog/Failure``
    package init(_ folder: RunFolder, log: ResidencyLog) throws {
        self.log = log
        let path = folder.dramBase.plainPath
        guard let base = MappedFile(folder.dramBase), let file = MappedFile(folder.dramBase) else {
            throw Failure.missing(path)
        }
        guard UInt64(base.bytes.count) == log.header.ram_bytes,
            base.bytes.count.isMultiple(of: Self.pageBytes)
        else { throw Failure.size(path, bytes: base.bytes.count, wanted: log.header.ram_bytes) }
        (baseFile, self.file) = (base, file)
        self.base = UnsafeRawBufferPointer(base.bytes)
        bytes = UnsafeRawBufferPointer(file.bytes)
        pageCount = file.bytes.count / Self.pageBytes
        usedPages = Set(base.extents.flatMap { Self.pages($0) })
        records = log.records
        next = try Self.nextWrite(&records)
    }

    /// Writes are in the order of their instants; other records between them may not be.
    private static func nextWrite(
        _ records: inout ResidencyLog.Records
    ) throws(ResidencyLog.Failure) -> (residency_transfer, UnsafeRawBufferPointer)? {
        while let record = try records.next() {
            if case .write(let write, let data) = record { return (write, data) }
        }
        return nil
    }

    /// Pages that hold or held anything; all others are blank.
    private(set) var usedPages: Set<Int>

    /// Goes forward, and tells which pages were written on the way, ascending.
    ///
    /// A write that the instant falls into has got as far as the time says: its record names only the first and
    /// last instant. Writes come one after another; when the next one begins, the one before it is done.
    ///
    /// - Throws: ``ResidencyLog/Failure``, ``Failure/backwards(_:from:)``
    package func advance(to instant: UInt64) throws -> [Int] {
        guard instant >= self.instant else { throw Failure.backwards(instant, from: self.instant) }
        self.instant = instant
        var changed: Set<Int> = []
        while let (write, data) = next, write.record.instant <= instant {
            apply(upTo: .max, &changed)
            unfinished = (write, data, 0)
            next = try Self.nextWrite(&records)
        }
        if let write = unfinished?.write {
            apply(upTo: Self.written(by: write, at: instant), &changed)
            if unfinished?.done == unfinished?.data.count { unfinished = nil }
        }
        usedPages.formUnion(changed)
        return changed.sorted()
    }

    /// How many bytes of the unfinished write are in DRAM; all, where none is unfinished.
    private func apply(upTo count: Int, _ changed: inout Set<Int>) {
        guard let (write, data, done) = unfinished else { return }
        let upTo = min(count, data.count)
        guard upTo > done, let start = log.fileOffset(write.address, bytes: write.bytes) else { return }
        UnsafeMutableRawBufferPointer(rebasing: file.bytes[start + done..<start + upTo]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: data[done..<upTo]))
        changed.formUnion(Self.pages(start + done..<start + upTo))
        unfinished?.done = upTo
    }

    /// Those that some bytes lie in.
    private static func pages(_ range: Range<Int>) -> ClosedRange<Int> {
        range.lowerBound / pageBytes...(range.upperBound - 1) / pageBytes
    }

    private static func written(by write: residency_transfer, at instant: UInt64) -> Int {
        let count = Int(write.bytes)
        guard instant < write.last_instant, write.last_instant > write.record.instant else { return count }
        return Int(
            Double(count) * Double(instant - write.record.instant)
                / Double(write.last_instant - write.record.instant))
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case size(String, bytes: Int, wanted: UInt64)
        case backwards(UInt64, from: UInt64)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .size: .badInput
            case .backwards: .ourBug
            }
        }

        package var description: String {
            switch self {
            case .missing(let path):
                "There is no \(path), or it cannot be read. Record the run with frost verify IMAGE --record DIR."
            case .size(let path, let bytes, let wanted):
                "\(path) has \(bytes) bytes, but the log speaks of \(wanted). Record the run again."
            case .backwards(let instant, let from):
                "The view of DRAM stands at instant \(from) and cannot go back to \(instant)."
            }
        }
    }
}
