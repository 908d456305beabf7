import Foundation
import FrostFormat
@testable import FrostImage
import FrostSamples
import FrostSupport
import Testing

@Suite struct LinuxTests {
    /// A bzImage with this payload behind an otherwise empty decompressor.
    static func kernel(payload: [UInt8], preferredAddress: UInt64 = 0x100_0000) -> [UInt8] {
        var setup = [UInt8](repeating: 0, count: 1024)
        setup[0x1F1] = 1
        setup.store(UInt16(0xAA55), at: 0x1FE)
        setup[0x201] = 0x6A
        setup.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
        setup.store(UInt16(0x020F), at: 0x206)
        setup.store(UInt32(0x7FFF_FFFF), at: 0x22C)
        setup.store(UInt16(1), at: 0x236)
        setup.store(UInt32(2047), at: 0x238)
        setup.store(UInt32(0x40), at: 0x248)
        setup.store(UInt32(payload.count), at: 0x24C)
        setup.store(preferredAddress, at: 0x258)
        setup.store(UInt32(0x20_0000), at: 0x260)
        return setup + [UInt8](repeating: 0x90, count: 0x40) + payload
    }

    static let vmlinux = SampleELF(
        entry: 0x100_0000, segments: [(0xFFFF_FFFF_8100_0000, 0x100_0000, Array(1...200), 0x10_0000)]
    ).bytes

    private func guest(
        payload: [UInt8], initrd: [UInt8] = [7, 7, 7], commandLine: String = "console=ttyS0",
        notes: inout [String]
    ) throws -> Guest {
        let linux = LinuxGuest(
            kernel: try LinuxKernel(Self.kernel(payload: payload)), initrd: initrd, commandLine: commandLine)
        let plan = try MemoryPlan(ram: 64 * .mebibyte, frozen: 2 * .mebibyte)
        return try linux.guest(plan: plan, entry: .vmlinux) { notes.append($0) }
    }

    private func compressed(_ tool: Tool, _ arguments: [String]) throws -> [UInt8] {
        let file = FileManager.default.temporaryDirectory.appending(path: "frost-test-\(UUID().uuidString)")
        try Data(Self.vmlinux).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try tool.run(arguments, for: "compress", input: .file(file))
    }

    @Test(
        "A payload of each format becomes the kernel proper",
        arguments: [
            (Tool.xz, ["-c", "--check=crc32"], true), (.xz, ["-c", "--format=lzma"], true),
            (.gzip, ["-c"], false),
            (.zstd, ["-c"], true), (.lz4, ["-c", "-l"], true), (.bzip2, ["-c"], true),
        ])
    func unpacks(tool: Tool, arguments: [String], isSizeAppended: Bool) throws {
        guard (try? tool.locate()) != nil else { return }
        let size = isSizeAppended ? [UInt8](memoryOf: UInt32(Self.vmlinux.count)) : []
        var notes: [String] = []
        let guest = try guest(payload: compressed(tool, arguments) + size, notes: &notes)
        #expect(notes.isEmpty)
        #expect(guest.entry.instruction == 0x100_0000)
        #expect(guest.memory.pages[0x1000]?.prefix(200).elementsEqual(Array(1...200)) == true)
    }

    @Test("A payload of unknown format is left to the kernel's own decompressor, with a note")
    func fallsBack() throws {
        var notes: [String] = []
        let guest = try guest(payload: Array(repeating: 0x42, count: 100), notes: &notes)
        #expect(notes.count == 1)
        #expect(guest.entry.instruction == 0x100_0200)
        #expect(guest.memory.pages[0x1000]?.first == 0x90)
    }

    @Test("Boot parameters say where everything lies")
    func parameters() throws {
        var notes: [String] = []
        let guest = try guest(payload: [1, 2, 3], notes: &notes)
        let plan = try MemoryPlan(ram: 64 * .mebibyte, frozen: 2 * .mebibyte)
        let page = try #require(guest.memory.pages[7])
        #expect(page[0x1F1] == 1)
        #expect(Array(page[0x202..<0x206]) == Array("HdrS".utf8))
        #expect(page[0x210] == 0xFF)
        #expect(page[0x211] & 1 == 1)
        #expect(page.word(at: 0x228, UInt32.self) == 0x8000)
        #expect(page.word(at: 0x21C, UInt32.self) == 3)
        let initrd = page.word(at: 0x218, UInt32.self)
        #expect(initrd.isMultiple(of: 4096))
        #expect(UInt64(initrd) + 4096 == plan.metaBase)
        #expect(guest.memory.pages[initrd / 4096]?.prefix(4).elementsEqual([7, 7, 7, 0]) == true)
        #expect(guest.memory.pages[8]?.prefix(14).elementsEqual(Array("console=ttyS0".utf8) + [0]) == true)
        #expect(guest.entry.rsi == 0x7000)
        #expect(guest.entry.bootParameters == 0x7000)
    }

    @Test("What does not fit is refused")
    func refusesSizes() {
        var notes: [String] = []
        #expect(throws: LinuxGuest.Failure.self) {
            try guest(payload: [1], initrd: Array(repeating: 1, count: 60 << 20), notes: &notes)
        }
        #expect(throws: BootParameters.Failure.longCommandLine(bytes: 3000)) {
            try guest(payload: [1], commandLine: String(repeating: "x", count: 3000), notes: &notes)
        }
    }

    @Test("A limit in the kernel's header binds an initrd only, and is named as the reason")
    func lowInitrd() throws {
        var kernel = Self.kernel(payload: [1, 2, 3])
        kernel.store(UInt32(0x7F_FFFF), at: 0x22C)
        let plan = try MemoryPlan(ram: 64 * .mebibyte, frozen: 2 * .mebibyte)
        func guest(_ initrd: [UInt8]) throws -> Guest {
            try LinuxGuest(kernel: LinuxKernel(kernel), initrd: initrd, commandLine: "")
                .guest(plan: plan, entry: .bzimage) { _ in }
        }
        _ = try guest([])
        #expect(
            throws: LinuxGuest.Failure.initrdTooHigh(
                kernelEnd: 0x120_0000, initrd: ByteCount(3), highest: 0x80_0000)
        ) { try guest([7, 7, 7]) }
    }

    @Test("More RAM is advised only where it would help")
    func advice() {
        func advice(_ ram: ByteCount) -> String {
            LinuxGuest.Failure.noRoom(kernelEnd: 0x120_0000, initrd: .gibibyte, top: 0x4000_0000, ram: ram)
                .description
        }
        #expect(advice(.gibibyte).contains("--ram"))
        #expect(!advice(2 * .gibibyte).contains("--ram"))
        #expect(advice(2 * .gibibyte).contains("smaller initrd"))
    }

    @Test("A payload that unpacks to something else says so")
    func notUnpacked() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "frost-test-\(UUID().uuidString)")
        try Data("no executable".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let payload = try Tool.gzip.run(["-c"], for: "compress", input: .file(file))
        var notes: [String] = []
        #expect(throws: LinuxGuest.Failure.notUnpacked("gzip")) { try guest(payload: payload, notes: &notes) }
    }

    @Test("Initrds given one after the other are one, each at a multiple of 4 bytes")
    func joinsInitrds() {
        #expect(LinuxGuest.joined([]) == [])
        #expect(LinuxGuest.joined([[1], [2, 2, 2, 2], [3]]) == [1, 0, 0, 0, 2, 2, 2, 2, 3])
    }

    @Test("What is not a whole 64-bit kernel is refused by reason")
    func refusesFiles() {
        let good = Self.kernel(payload: [1, 2, 3, 4])
        #expect(throws: LinuxKernel.Failure.notAKernel) { try LinuxKernel([]) }
        #expect(throws: LinuxKernel.Failure.notAKernel) { try LinuxKernel(Array(repeating: 0, count: 4096)) }
        #expect(throws: LinuxKernel.Failure.truncated) { try LinuxKernel(Array(good.dropLast())) }
        #expect(throws: LinuxKernel.Failure.truncated) { try LinuxKernel(Array(good.prefix(700))) }
        var old = good
        old.store(UInt16(0x0204), at: 0x206)
        #expect(throws: LinuxKernel.Failure.tooOld(0x0204)) { try LinuxKernel(old) }
    }

    @Test("No damaged setup header makes the parser fall over", arguments: 0x1F0..<0x270)
    func survives(offset: Int) {
        for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
            var bytes = Self.kernel(payload: [1, 2, 3, 4])
            bytes[offset] = value
            guard let kernel = try? LinuxKernel(bytes) else { continue }
            let plan = try? MemoryPlan(ram: 64 * .mebibyte, frozen: 2 * .mebibyte)
            if let plan {
                _ = try? LinuxGuest(kernel: kernel, initrd: [1], commandLine: "")
                    .guest(plan: plan, entry: .bzimage) { _ in }
            }
        }
    }
}
