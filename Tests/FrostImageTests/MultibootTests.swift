import Foundation
import FrostFormat
@testable import FrostImage
import FrostSamples
import FrostSupport
import Testing

@Suite struct MultibootTests {
    /// By addresses: 4 bytes of code behind the header.
    private static func kernel(
        flags: UInt32 = 0x1_0003, load: UInt32 = 0x10_0000, loadEnd: UInt32 = 0, zeroEnd: UInt32 = 0x10_1000,
        entry: UInt32 = 0x10_0028
    ) -> [UInt8] {
        let magic: UInt32 = 0x1BAD_B002
        let words = [0, 0, magic, flags, 0 &- magic &- flags, load + 8, load, loadEnd, zeroEnd, entry]
        return words.flatMap { [UInt8](memoryOf: $0) } + [0xF4, 0xEB, 0xFD, 0x90]
    }

    private static func elf32(machine: UInt16 = 3, physical: UInt32 = 0x20_0000) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 84)
        bytes.replaceSubrange(0..<7, with: [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1])
        for (at, word) in [(16, 2), (18, machine), (42, 32), (44, 1)] as [(Int, UInt16)] {
            bytes.store(word, at: at)
        }
        let flags: UInt32 = 3, header = kernel(flags: flags).prefix(40)
        let fields: [(Int, UInt32)] = [
            (24, 0xC020_0028), (28, 52), (52, 1), (56, 84), (60, 0xC020_0000), (64, physical), (68, 44),
            (72, 8192),
        ]
        for (at, word) in fields { bytes.store(word, at: at) }
        return bytes + header + [0xF4, 0xEB, 0xFD, 0x90]
    }

    @Test("A kernel is loaded where its header, or its ELF file, says") func loads() throws {
        let flat = try MultibootKernel(Self.kernel())
        #expect(flat.parts == [.init(address: 0x10_0000, fileBytes: 0..<44, memoryBytes: 0x1000)])
        #expect(flat.entry == 0x10_0028 && flat.end == 0x10_1000)
        let elf = try MultibootKernel(Self.elf32())
        #expect(elf.parts == [.init(address: 0x20_0000, fileBytes: 84..<128, memoryBytes: 8192)])
        #expect(elf.entry == 0x20_0028, "translated by the segment that holds it")
    }

    static let refusals: [(String, MultibootKernel.Failure, [UInt8])] = [
        ("no header", .noHeader, [UInt8](repeating: 0, count: 9000)),
        ("too short for one", .noHeader, [1, 2, 3]),
        ("a header behind 8192 bytes", .noHeader, [UInt8](repeating: 0, count: 8192) + kernel()),
        (
            "a wrong checksum", .noHeader,
            {
                var bytes = kernel(); bytes[16] ^= 1; return bytes
            }()
        ),
        ("a video mode", .wantsVideo, kernel(flags: 0x1_0007)),
        ("flags that nobody knows", .unknownFlags(0x8008), kernel(flags: 0x1_800B)),
        ("neither ELF nor addresses", .notLoadable, kernel(flags: 3)),
        ("another machine's ELF", .notLoadable, elf32(machine: 40)),
        ("below 1 MiB", .belowOneMebibyte(0x9000), kernel(load: 0x9000, zeroEnd: 0xA000, entry: 0x9028)),
        ("an ELF file below 1 MiB", .belowOneMebibyte(0x8000), elf32(physical: 0x8000)),
        ("an end before the beginning", .badAddresses, kernel(loadEnd: 0x0F_0000)),
        ("zeroes that end before the data", .badAddresses, kernel(zeroEnd: 0x10_0001)),
        ("more data than the file has", .truncated, kernel(loadEnd: 0x10_0800)),
        ("an entry elsewhere", .entryOutside(0x20_0000), kernel(entry: 0x20_0000)),
    ]

    @Test("What cannot be started is refused in a sentence", arguments: refusals)
    func refuses(_: String, failure: MultibootKernel.Failure, bytes: [UInt8]) {
        #expect(throws: failure) { try MultibootKernel(bytes) }
        #expect(failure.exitCode == .badInput)
    }

    @Test("Information, command line and modules lie where the specification says") func information() throws
    {
        let plan = try MemoryPlan(ram: 64 * .mebibyte, frozen: 2 * .mebibyte)
        let guest = try MultibootGuest(
            kernel: MultibootKernel(Self.kernel()), name: "k",
            modules: [.init(text: "a", bytes: [1, 2, 3]), .init(text: "b w", bytes: [4])], commandLine: "x y"
        ).guest(plan: plan, starter: [0x90])
        func word(_ at: UInt64) throws -> UInt32 {
            try #require(guest.memory.pages[UInt32(at / 4096)]).word(at: Int(at % 4096), UInt32.self)
        }
        func text(_ at: UInt32) throws -> String {
            let page = try #require(guest.memory.pages[at / 4096])
            return String(decoding: page[Int(at % 4096)...].prefix { $0 != 0 }, as: UTF8.self)
        }
        #expect(try word(0xA000) == 0b10_0100_1101)
        #expect(try text(word(0xA000 + 16)) == "k x y" && word(0xA000 + 20) == 2)
        #expect(try text(word(0xA000 + 64)) == "frostvisor")
        let table = UInt64(try word(0xA000 + 24))
        #expect(
            try [word(table), word(table + 4), word(table + 16), word(table + 20)] == [
                0x10_1000, 0x10_1003, 0x10_2000, 0x10_2001,
            ])
        #expect(try text(word(table + 8)) == "a" && text(word(table + 24)) == "b w")
        #expect(guest.entry.instruction == 0x9000)
    }

    @Test("A module's words stand behind its file's name; what does not fit is refused") func modules() throws
    {
        let scratch = try Scratch()
        for name in ["plain", "with space"] {
            try Data(name.utf8).write(to: scratch.url.appending(path: name))
        }
        func module(_ text: String) throws -> MultibootGuest.Module {
            try MultibootGuest.module(scratch.url.plainPath + "/" + text)
        }
        #expect(
            try module("plain root=/dev/sda ro")
                == .init(text: "plain root=/dev/sda ro", bytes: Array("plain".utf8)))
        #expect(try module("with space") == .init(text: "with space", bytes: Array("with space".utf8)))
        #expect { try module("missing") } throws: { "\($0)".contains("cannot be read") }
        let plan = try MemoryPlan(ram: 16 * .mebibyte, frozen: 2 * .mebibyte)
        let large = MultibootGuest.Module(text: "m", bytes: [UInt8](repeating: 1, count: 16 << 20))
        for (modules, words) in [
            ([large], "Give the machine more RAM"),
            ((0..<300).map { .init(text: "\($0)", bytes: []) }, "300 modules"),
        ] {
            let guest = MultibootGuest(
                kernel: try MultibootKernel(Self.kernel()), name: "k", modules: modules, commandLine: nil)
            #expect { try guest.guest(plan: plan, starter: []) } throws: { "\($0)".contains(words) }
        }
    }
}
