import CacheModel
import Foundation
import FrostCore
@testable import FrostProof
import FrostSamples
import FrostSupport
import ResidencyRecord
import Testing

@Suite("Residency log") struct ResidencyLogTests {
    private func header() -> residency_header {
        var header = residency_header()
        withUnsafeMutableBytes(of: &header.magic) { $0.copyBytes(from: RESIDENCY_MAGIC.utf8) }
        header.version = RESIDENCY_VERSION
        header.header_bytes = UInt32(MemoryLayout<residency_header>.size)
        (header.ram_bytes, header.low_ram_bytes) = (5 << 30, 3 << 30)
        (header.region_base, header.region_bytes, header.text_bytes) = (1 << 30, 2 << 20, 8192)
        header.line_bytes = 64
        return header
    }

    private func log(_ bytes: [UInt8]) throws -> ResidencyLog {
        let folder = try Scratch()
        let file = folder.url.appending(path: "residency.log")
        try Data(bytes).write(to: file)
        return try ResidencyLog(reading: file)
    }

    private func sample() -> [UInt8] {
        var writer = LogWriter(header())
        writer.add(RESIDENCY_PHASE) {
            residency_phase_change(
                record: $0, phase: PHASE_FILL, because: 0, not_modified: 7, first_not_modified: 64,
                write_backs: 3)
        }
        writer.write([1, 2, 3, 4, 5], at: 0x2003)
        writer.read(64, at: 4 << 30, access: ACCESS_FETCH, mode: MODE_HOST)
        writer.add(RESIDENCY_END) { record in
            var end = residency_end()
            (end.record, end.vm_entries) = (record, 9)
            return end
        }
        return writer.bytes
    }

    @Test("Records come back as they were written")
    func roundTrip() throws {
        let log = try log(sample())
        var records = log.records
        guard case .phase(let phase)? = try records.next(),
            case .write(let write, let data)? = try records.next(),
            case .read(let read)? = try records.next(), case .end(let end)? = try records.next()
        else {
            Issue.record("other records than were written")
            return
        }
        #expect(phase.phase == PHASE_FILL && phase.not_modified == 7 && phase.write_backs == 3)
        #expect(write.address == 0x2003 && Array(data) == [1, 2, 3, 4, 5] && write.mode == MODE_HOST)
        #expect(read.access == ACCESS_FETCH && log.fileOffset(read.address, bytes: 64) == 3 << 30)
        #expect(log.address(ofFileOffset: 3 << 30) == 4 << 30)
        #expect(end.vm_entries == 9)
        #expect(try records.next() == nil)
    }

    @Test("A log cut anywhere is one clear error, and never a trap")
    func cut() throws {
        let bytes = sample(), header = MemoryLayout<residency_header>.size
        for count in stride(from: 0, to: bytes.count, by: 4) {
            let error = #expect(throws: ResidencyLog.Failure.self) {
                let log = try log(Array(bytes.prefix(count)))
                var records = log.records
                while try records.next() != nil {}
            }
            switch error {
            case .cutShort: #expect(count >= header)
            case .foreign, .unreadable: #expect(count < header)
            default: Issue.record("\(count) bytes: \(String(describing: error))")
            }
        }
    }

    @Test("RAM that no machine has is refused, and never a trap", arguments: [52, 62, 63])
    func impossibleRAM(bit: UInt64) throws {
        var larger = header(), lower = header()
        larger.ram_bytes = 1 << bit | 1
        (lower.ram_bytes, lower.low_ram_bytes) = (1 << bit | 1, 1 << bit)
        for header in [larger, lower] {
            var writer = LogWriter(header)
            writer.read(1, at: 1 << bit, access: ACCESS_FETCH, mode: MODE_HOST)
            #expect(throws: ResidencyLog.Failure.self) { try log(writer.bytes) }
        }
    }

    @Test("A log with a changed byte is read to its end, or is one clear error")
    func damaged() throws {
        let bytes = sample()
        for at in bytes.indices {
            var changed = bytes
            changed[at] ^= 0xFF
            do {
                let log = try log(changed)
                var records = log.records
                while try records.next() != nil {}
            } catch is ResidencyLog.Failure {}
        }
        var changed = bytes
        changed[MemoryLayout<residency_header>.size] = 99
        let log = try log(changed)
        var records = log.records
        let failure = ResidencyLog.Failure.damaged(
            log.file.plainPath, offset: MemoryLayout<residency_header>.size)
        #expect(throws: failure) { try records.next() }
    }
}
