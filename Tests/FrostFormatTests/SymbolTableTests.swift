import Foundation
import FrostFormat
import FrostSamples
import FrostSupport
import Testing

/// An ELF file of three symbols, and what may be wrong with its tables.
@Suite struct SymbolTableTests {
    private static let names = Array("\0freeze\0page_seal\0page_open\0".utf8)
    private static let symbolsAt = 64 + 56 + 100
    private static var namesAt: Int { symbolsAt + 4 * 24 }
    private static var sectionsAt: Int { namesAt + names.count }

    private static var file: [UInt8] {
        var bytes = SampleELF().bytes + [UInt8](repeating: 0, count: 24)
        for (name, address) in [(1, 0x100), (8, 0x200), (18, 0x300)] as [(UInt32, UInt64)] {
            var row = [UInt8](repeating: 0, count: 24)
            row.store(name, at: 0)
            row.store(address, at: 8)
            row[4] = 2
            bytes += row
        }
        bytes += names
        for (kind, start, length, link) in [
            (0, 0, 0, 0), (2, symbolsAt, 4 * 24, 2), (3, namesAt, names.count, 0),
        ] {
            var row = [UInt8](repeating: 0, count: 64)
            row.store(UInt32(kind), at: 4)
            row.store(UInt64(start), at: 24)
            row.store(UInt64(length), at: 32)
            row.store(UInt32(link), at: 40)
            bytes += row
        }
        bytes.store(UInt64(sectionsAt), at: 40)
        bytes.store(UInt16(3), at: 60)
        return bytes
    }

    private static func read(_ bytes: [UInt8]) throws -> SymbolTable {
        let scratch = try Scratch()
        let file = scratch.url.appending(path: "frostvisor.elf")
        try Data(bytes).write(to: file)
        return try SymbolTable(reading: file)
    }

    @Test("Names and addresses come out as they went in") func reads() throws {
        let table = try Self.read(Self.file)
        #expect(table.functions.map(\.name) == ["freeze", "page_seal", "page_open"])
        #expect(try table.address("page_seal") == 0x200)
    }

    /// Offset of a field, and what is put there.
    static let damages: [(String, Int, UInt64)] = [
        ("table of sections beyond the file", 40, 1 << 40),
        ("table of sections beyond all addresses", 40, .max),
        ("symbols beyond the file", sectionsAt + 64 + 24, 1 << 62),
        ("more symbols than the file has", sectionsAt + 64 + 32, .max / 24 * 24),
        ("part of a symbol", sectionsAt + 64 + 32, 25),
        ("names in a section that is not there", sectionsAt + 64 + 40, 0xFFFF),
        ("names beyond the file", sectionsAt + 128 + 24, 1 << 33),
        ("a name beyond the names", symbolsAt + 24, 1 << 31),
    ]

    @Test("Tables that lie outside of the file are refused", arguments: damages)
    func refuses(_: String, offset: Int, value: UInt64) throws {
        var bytes = Self.file
        bytes.store(value, at: offset)
        #expect { try Self.read(bytes) } throws: { "\($0)".contains("is damaged: its tables of symbols") }
    }
}
