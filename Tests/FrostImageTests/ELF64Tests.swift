@testable import FrostFormat
@testable import FrostImage
import FrostSamples
import FrostSupport
import Testing

@Suite struct ELF64Tests {
    @Test("Segments and entry come out as they went in")
    func parses() throws {
        let executable = try ELF64(SampleELF().bytes)
        #expect(executable.entry == 0x10_0010)
        #expect(executable.physicalEntry == 0x10_0010)
        #expect(executable.segments.count == 1)
        #expect(Array(executable.bytes[executable.segments[0].fileBytes]) == Array(1...100))
        #expect(executable.segments[0].memoryBytes == 5000)
    }

    @Test("A virtual entry is translated by the segment that holds it")
    func translates() throws {
        var sample = SampleELF(entry: 0xFFFF_FFFF_8000_0040)
        sample.segments = [(0xFFFF_FFFF_8000_0000, 0x20_0000, [1], 4096)]
        #expect(try ELF64(sample.bytes).physicalEntry == 0x20_0040)
    }

    @Test("What is not a whole x86-64 executable is refused by reason")
    func refuses() {
        let good = SampleELF().bytes
        #expect(throws: ELF64.Failure.notELF) { try ELF64([]) }
        #expect(throws: ELF64.Failure.notELF) { try ELF64(Array(repeating: 0, count: 4096)) }
        #expect(throws: ELF64.Failure.notELF) { try ELF64(Array(good.prefix(63))) }
        #expect(throws: ELF64.Failure.otherMachine) { try ELF64(SampleELF(machine: 183).bytes) }
        #expect(throws: ELF64.Failure.notExecutable) { try ELF64(SampleELF(type: 1).bytes) }
        #expect(throws: ELF64.Failure.truncated) { try ELF64(Array(good.dropLast())) }
        #expect(throws: ELF64.Failure.truncated) { try ELF64(Array(good.prefix(100))) }
        #expect(throws: ELF64.Failure.nothingToLoad) { try ELF64(SampleELF(segments: []).bytes) }
        #expect(throws: ELF64.Failure.badSegment(0)) {
            try ELF64(SampleELF(segments: [(0, 0, Array(1...100), 50)]).bytes)
        }
    }

    @Test("No damaged header makes the parser fall over", arguments: 0..<176)
    func survives(offset: Int) {
        for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
            var bytes = SampleELF().bytes
            bytes[offset] = value
            _ = try? ELF64(bytes)
        }
    }

    @Test("One that loads the same bytes again and again is refused: a small file could fill any memory")
    func refusesRepetition() {
        let part = Array(repeating: UInt8(1), count: 5000)
        var bytes = SampleELF(segments: [
            (0x10_0000, 0x10_0000, part, 5000), (0x20_0000, 0x20_0000, part, 5000),
            (0x30_0000, 0x30_0000, part, 5000),
        ]).bytes
        for row in 1..<3 { bytes.store(bytes.word(at: 72, UInt64.self), at: 72 + 56 * row) }
        #expect(throws: Never.self) { try ELF64(bytes) }
        bytes.removeSubrange(64 + 56 * 3 + 5000..<bytes.count)
        #expect(throws: ELF64.Failure.overlapping) { try ELF64(bytes) }
    }

    @Test("A guest below 1 MiB, or beyond 1 TiB, is refused")
    func refusesPlaces() {
        #expect(throws: Guest.Failure.belowOneMebibyte(0x9000)) {
            try Guest(long64: ELF64(SampleELF(segments: [(0x9000, 0x9000, [1], 1)]).bytes))
        }
        #expect(throws: GuestMemory.Failure.beyondReach(1 << 40)) {
            try Guest(long64: ELF64(SampleELF(segments: [(0, 1 << 40, [1], 1)]).bytes))
        }
    }

    @Test("A real-mode guest must leave the loader's memory alone")
    func refusesLargeFlat() throws {
        let room = 0x60000 - 0x7C00
        _ = try Guest(real: Array(repeating: 1, count: room))
        #expect(throws: Guest.Failure.flatTooLarge(bytes: room + 1)) {
            try Guest(real: Array(repeating: 1, count: room + 1))
        }
    }
}
