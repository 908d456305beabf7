package import Foundation
package import FrostSupport
package import ResidencyRecord

/// What the residency plugin logged of a run: `residency.log`, record after record.
///
/// - Shape: a header, then records in the order of what happened. Nothing is kept of what was read.
/// - Source: `Sources/ResidencyRecord/include/residency_record.h`; the plugin writes these very structs.
package struct ResidencyLog: Sendable {
    package let file: URL
    package let header: residency_header
    private let mapped: MappedFile

    /// Checks the header; records are checked as they are read.
    /// - Throws: ``Failure``
    package init(reading file: URL) throws(Failure) {
        let path = file.plainPath
        guard FileManager.default.fileExists(atPath: path) else { throw .missing(path) }
        guard let mapped = MappedFile(file) else { throw .unreadable(path) }
        let least = MemoryLayout<residency_header>.size
        guard mapped.bytes.count >= least, mapped.bytes.starts(with: RESIDENCY_MAGIC.utf8) else {
            throw .foreign(path)
        }
        let header = mapped.bytes.loadUnaligned(as: residency_header.self)
        guard header.version == RESIDENCY_VERSION else { throw .version(path, header.version) }
        let isSane =
            header.header_bytes >= least && header.header_bytes <= mapped.bytes.count
            && header.ram_bytes <= Self.mostRAM && header.low_ram_bytes <= Self.highBase
            && header.low_ram_bytes <= header.ram_bytes && header.region_bytes > 0
            && header.region_bytes <= header.low_ram_bytes
            && header.region_base <= header.low_ram_bytes - header.region_bytes
            && header.text_bytes <= header.region_bytes && header.line_bytes.nonzeroBitCount == 1
        guard isSane else { throw .damaged(path, offset: 0) }
        self.file = file
        self.header = header
        self.mapped = mapped
    }

    package var region: Range<UInt64> {
        header.region_base..<header.region_base + header.region_bytes
    }

    package var records: Records { Records(self) }

    /// One thing that happened.
    package enum Record {
        case phase(residency_phase_change)
        case control(residency_control)
        case key(residency_key)
        /// The bytes are valid as long as the log is.
        case write(residency_transfer, UnsafeRawBufferPointer)
        case read(residency_transfer)
        case entry(residency_entry)
        case violation(residency_violation)
        case checkpoint(residency_checkpoint)
        case sharing(residency_sharing)
        /// The last, or the record is incomplete.
        case end(residency_end)
    }

    /// Walks the records once.
    package struct Records {
        private let log: ResidencyLog
        private let bytes: UnsafeRawBufferPointer
        private var offset: Int
        private var hasEnded = false

        init(_ log: ResidencyLog) {
            self.log = log
            bytes = UnsafeRawBufferPointer(log.mapped.bytes)
            offset = Int(log.header.header_bytes)
        }

        /// Where the next record begins, in bytes of the file.
        package var position: Int { offset }

        /// Nil after the end record.
        /// - Throws: ``Failure/cutShort(_:offset:)`` where the file ends without one, ``Failure/damaged(_:offset:)``.
        package mutating func next() throws(Failure) -> Record? {
            guard !hasEnded else { return nil }
            let path = log.file.plainPath
            let least = MemoryLayout<residency_record>.size
            guard bytes.count - offset >= least else { throw .cutShort(path, offset: offset) }
            let head = bytes.loadUnaligned(fromByteOffset: offset, as: residency_record.self)
            let count = Int(head.bytes)
            guard count >= least, count.isMultiple(of: 8) else { throw .damaged(path, offset: offset) }
            guard count <= bytes.count - offset else { throw .cutShort(path, offset: offset) }
            guard let record = record(head.kind, count) else { throw .damaged(path, offset: offset) }
            if case .end = record {
                hasEnded = true
                guard offset + count == bytes.count else { throw .damaged(path, offset: offset + count) }
            }
            offset += count
            return record
        }

        /// Nil when the record is of no known kind, or is not as long as its kind.
        private func record(_ kind: residency_kind, _ count: Int) -> Record? {
            func load<Body>(_: Body.Type) -> Body? {
                guard count == MemoryLayout<Body>.size else { return nil }
                return bytes.loadUnaligned(fromByteOffset: offset, as: Body.self)
            }
            return switch kind {
            case RESIDENCY_PHASE: load(residency_phase_change.self).map { .phase($0) }
            case RESIDENCY_CONTROL: load(residency_control.self).map { .control($0) }
            case RESIDENCY_KEY: load(residency_key.self).map { .key($0) }
            case RESIDENCY_WRITE: write(count)
            case RESIDENCY_READ: load(residency_transfer.self).flatMap { isInRAM($0) ? .read($0) : nil }
            case RESIDENCY_ENTRY: load(residency_entry.self).map { .entry($0) }
            case RESIDENCY_VIOLATION: load(residency_violation.self).map { .violation($0) }
            case RESIDENCY_CHECKPOINT: load(residency_checkpoint.self).map { .checkpoint($0) }
            case RESIDENCY_SHARING: load(residency_sharing.self).map { .sharing($0) }
            case RESIDENCY_END: load(residency_end.self).map { .end($0) }
            default: nil
            }
        }

        private func write(_ count: Int) -> Record? {
            let least = MemoryLayout<residency_transfer>.size
            guard count >= least else { return nil }
            let transfer = bytes.loadUnaligned(fromByteOffset: offset, as: residency_transfer.self)
            let length = Int(transfer.bytes)
            guard (length + 7) / 8 * 8 == count - least, isInRAM(transfer) else { return nil }
            let start = offset + least
            return .write(transfer, UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
        }

        private func isInRAM(_ transfer: residency_transfer) -> Bool {
            transfer.bytes > 0 && log.fileOffset(transfer.address, bytes: transfer.bytes) != nil
        }
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case unreadable(String)
        case foreign(String)
        case version(String, UInt32)
        case damaged(String, offset: Int)
        case cutShort(String, offset: Int)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .unreadable: .inputOutput
            case .foreign, .version, .damaged, .cutShort: .badInput
            }
        }

        package var description: String {
            switch self {
            case .missing(let path):
                "There is no residency log \(path). Record one with frost verify IMAGE --record DIR."
            case .unreadable(let path): "The residency log \(path) cannot be read. Check its permissions."
            case .foreign(let path):
                "\(path) is not a residency log. Record one with frost verify IMAGE --record DIR."
            case .version(let path, let version):
                "\(path) has format \(version); this frost knows \(RESIDENCY_VERSION). Record the run again."
            case .damaged(let path, let offset):
                "\(path) is damaged: what stands at byte \(offset) is no record. Record the run again."
            case .cutShort(let path, let offset):
                """
                \(path) has no end record: it is cut short after byte \(offset). The machine died, or the disk \
                was full; record the run again.
                """
            }
        }
    }
}

extension ResidencyLog {
    /// RAM that lies above the hole for devices begins here.
    private static let highBase: UInt64 = 4 << 30
    /// As much as physical addresses of x86 reach: offsets in files of DRAM are then an `Int`.
    private static let mostRAM: UInt64 = 1 << 52

    /// Where a physical address lies in the files of DRAM; nil unless all of it is RAM.
    package func fileOffset(_ address: UInt64, bytes: UInt32) -> Int? {
        let (end, overflow) = address.addingReportingOverflow(UInt64(bytes))
        guard !overflow else { return nil }
        if end <= header.low_ram_bytes { return Int(address) }
        guard address >= Self.highBase, end - Self.highBase <= header.ram_bytes - header.low_ram_bytes else {
            return nil
        }
        return Int(address - Self.highBase + header.low_ram_bytes)
    }

    /// The physical address of a byte of the files of DRAM.
    package func address(ofFileOffset offset: Int) -> UInt64 {
        let offset = UInt64(offset)
        return offset < header.low_ram_bytes ? offset : offset - header.low_ram_bytes + Self.highBase
    }
}
