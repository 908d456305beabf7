import Foundation
import Glibc
import ResidencyRecord

/// What the memory modules of a recorded run held: at one instant, then at a later one, and so on.
///
/// - Shape: pages of 4096 bytes, by their offset in the files of DRAM.
/// - Units: an instant is a number of instructions since reset.
public final class DRAMView {
    public let log: ResidencyLog
    public let pageCount: Int
    /// As it was when the log of writes began: nothing secret had been in the machine until then.
    let base: UnsafeRawBufferPointer
    /// As it is at ``instant``.
    let bytes: UnsafeRawBufferPointer
    public private(set) var instant: UInt64 = 0
    /// The instant falls into a write: what it writes is there in part.
    public var isWithinWrite: Bool { !unfinished.isEmpty }

    private let baseFile: MappedFile
    private let file: MappedFile
    private var records: ResidencyLog.Records
    private var next: ResidencyLog.Record?
    /// Writes that the instant falls into: so much of each is done.
    private var unfinished: [(write: residency_transfer, data: UnsafeRawBufferPointer, done: Int)] = []

    static let pageBytes = GuestMemory.pageBytes

    /// - Throws: ``Failure``, ``ResidencyLog/Failure``
    public init(_ folder: RunFolder, log: ResidencyLog) throws {
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
        records = log.records
        next = try records.next()
    }

    /// Pages that the base's file has data for; all others are blank in it.
    var basePages: Set<Int> {
        Set(
            baseFile.extents.flatMap { $0.lowerBound / Self.pageBytes...($0.upperBound - 1) / Self.pageBytes }
        )
    }

    func page(_ index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[index * Self.pageBytes..<(index + 1) * Self.pageBytes])
    }

    /// Goes forward, and tells which pages were written on the way, ascending. A write that lasts beyond the instant
    /// has got as far as the time says; the records name only its first and last instant.
    ///
    /// - Throws: ``ResidencyLog/Failure``, ``Failure/backwards(_:from:)``
    public func advance(to instant: UInt64) throws -> [Int] {
        guard instant >= self.instant else { throw Failure.backwards(instant, from: self.instant) }
        self.instant = instant
        var changed: Set<Int> = []
        for index in unfinished.indices { apply(&unfinished[index], &changed) }
        while let record = next, record.head.instant <= instant {
            if case .write(let write, let data) = record {
                unfinished.append((write, data, 0))
                apply(&unfinished[unfinished.count - 1], &changed)
            }
            next = try records.next()
        }
        unfinished.removeAll { $0.done == $0.data.count }
        return changed.sorted()
    }

    private func apply(
        _ part: inout (write: residency_transfer, data: UnsafeRawBufferPointer, done: Int),
        _ changed: inout Set<Int>
    ) {
        let upTo = Self.written(of: part.data.count, by: part.write, at: instant)
        guard upTo > part.done, let start = log.fileOffset(part.write.address, bytes: part.write.bytes) else {
            return
        }
        let target = file.bytes[start + part.done..<start + upTo]
        UnsafeMutableRawBufferPointer(rebasing: target).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: part.data[part.done..<upTo]))
        changed.formUnion(target.startIndex / Self.pageBytes...(target.endIndex - 1) / Self.pageBytes)
        part.done = upTo
    }

    private static func written(of count: Int, by write: residency_transfer, at instant: UInt64) -> Int {
        guard instant < write.last_instant, write.last_instant > write.record.instant else { return count }
        let share =
            Double(instant - write.record.instant) / Double(write.last_instant - write.record.instant)
        return Int(Double(count) * share)
    }

    public enum Failure: Explained, Equatable {
        case missing(String)
        case size(String, bytes: Int, wanted: UInt64)
        case backwards(UInt64, from: UInt64)

        public var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .size: .badInput
            case .backwards: .ourBug
            }
        }

        public var description: String {
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

extension ResidencyLog.Record {
    /// What every record begins with.
    var head: residency_record {
        switch self {
        case .phase(let body): body.record
        case .control(let body): body.record
        case .key(let body): body.record
        case .write(let body, _): body.record
        case .read(let body): body.record
        case .entry(let body): body.record
        case .violation(let body): body.record
        case .checkpoint(let body): body.record
        case .end(let body): body.record
        }
    }
}
