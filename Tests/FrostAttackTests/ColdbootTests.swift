import DRAMSearch
import Foundation
@testable import FrostAttack
import FrostCore
import FrostFormat
import FrostImage
import FrostProof
import FrostSamples
import FrostSupport
import ResidencyRecord
import Testing

@Suite("Cold boot") struct ColdbootTests {
    private func attack(
        _ sample: SampleRecord, _ change: (inout Coldboot.Options) -> Void = { _ in }
    ) throws -> ColdbootReport {
        var options = Coldboot.Options()
        options.instants = .random(60)
        change(&options)
        return try Coldboot(CacheRecord(reading: sample.folder.folder), options: options).run().report
    }

    @Test("A sound record holds nothing, at any instant") func sound() throws {
        let sample = try SampleRecord(seed: 1)
        try sample.write()
        let report = try attack(sample)
        #expect(report.instants == 60 && !report.hasFound, "\(report)")
        #expect(report.results.first { $0.kind == .blocks }?.sought == 3 * 256)
        #expect(report.results.first { $0.kind == .keys }?.sought ?? 0 >= 2 * 31)
    }

    /// What one careless write would put into DRAM.
    enum Secret: CaseIterable, Sendable {
        case canary, string, block, imageKey, sessionKey, schedule, decryptionSchedule

        var kind: DRAMSearchKind {
            switch self {
            case .canary: .canaries
            case .string: .strings
            case .block: .blocks
            case .imageKey, .sessionKey: .keys
            case .schedule, .decryptionSchedule: .schedules
            }
        }

        func bytes(_ sample: SampleRecord) throws -> [UInt8] {
            switch self {
            case .canary: return SampleRecord.canary
            case .string: return Array("Dear diary, nobody but me should ever read this sentence.".utf8)
            case .block: return Array(Self.guestBytes(seed: 2)[4096 + 64..<4096 + 96])
            case .imageKey: return sample.sample.key.raw
            case .sessionKey: return sample.sessionKey
            case .schedule: return Self.schedule(sample.noise(16), KEY_FORWARD)
            case .decryptionSchedule: return Self.schedule(sample.noise(32), KEY_INVERSE)
            }
        }

        /// What ``SampleRecord`` draws first: its guest's pages.
        private static func guestBytes(seed: UInt64) -> [UInt8] {
            var random = SplitMix64(seed: seed)
            return (0..<3 * 4096).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        }

        private static func schedule(_ key: [UInt8], _ layout: key_layout) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: key_schedule_bytes(UInt32(key.count)))
            key_schedule_expand(key, UInt32(key.count), layout, &bytes)
            return bytes
        }
    }

    /// Unaligned, twice over the border of two pages.
    private static let addresses: [UInt64] = [0x180_0123, 0x180_1FF9, 0x180_3FFD]

    @Test(
        "What is written to DRAM in the clear is found where it lies, while it lies there",
        arguments: Secret.allCases)
    func control(of planted: Secret) throws {
        let sample = try SampleRecord(seed: 2)
        let secret = try planted.bytes(sample)
        var instants: [UInt64] = []
        for address in Self.addresses {
            sample.write(secret, at: address)
            instants.append(sample.log.instant)
            sample.write(sample.noise(512), at: address)
        }
        try sample.write()

        for (address, instant) in zip(Self.addresses, instants) {
            let during = try attack(sample) { $0.instants = .instant(instant) }
            let result = try #require(during.results.first { $0.kind == planted.kind })
            #expect(during.hasFound && result.instants == 1 && result.mostAtOnce >= 1, "\(during)")
            let first = try #require(result.first)
            #expect(first.instant == instant)
            #expect((address..<address + UInt64(secret.count)).contains(first.address))
        }
        #expect(try !attack(sample) { $0.instants = .instant(instants[0] - 1) }.hasFound)
        #expect(try !attack(sample) { $0.instants = .end }.hasFound)
    }

    @Test("A half-written secret is in DRAM as far as it has got") func halfWritten() throws {
        let sample = try SampleRecord(seed: 3)
        let noise = sample.noise(4096 - SampleRecord.canary.count)
        sample.write(SampleRecord.canary + noise, at: 0x180_0000, lasting: 4096)
        let start = sample.log.instant
        try sample.write()
        let early = try attack(sample) { $0.instants = .instant(start + 16) }
        #expect(!early.hasFound && early.instantsWithinWrite == 1)
        let later = try attack(sample) { $0.instants = .instant(start + 64) }
        #expect(later.hasFound && later.instantsWithinWrite == 1)
    }

    @Test("A picture as PNG is a pixel a page, the records side by side, and needs no other program")
    func pixels() throws {
        let sample = try SampleRecord(seed: 5)
        sample.write(SampleRecord.canary, at: 0x180_0123)
        try sample.write()
        let (report, last) = try Coldboot(CacheRecord(reading: sample.folder.folder), options: .init()).run()
        let map = DRAMMap(report, last), picture = DRAMPicture([map, map])
        let (columns, gap) = (map.columns, DRAMPicture.pixelGap)
        #expect(picture.pixelWidth == 2 * columns + gap)
        #expect(picture.pixels.count == picture.pixelWidth * map.rows)
        let page = 0x180_0123 / 4096
        let place = page / columns * picture.pixelWidth + page % columns
        #expect(picture.pixels[place] == DRAMMap.Look.found.rawValue)
        #expect(picture.pixels[place + columns + gap] == DRAMMap.Look.found.rawValue)
        #expect(picture.pixels[columns] == DRAMMap.Look.allCases.count)
        #expect(picture.pixels.count { $0 == DRAMMap.Look.found.rawValue } == 2)

        let file = FileManager.default.temporaryDirectory.appending(
            path: "frost-test-\(UUID().uuidString).png")
        defer { try? FileManager.default.removeItem(at: file) }
        try picture.write(to: file)
        let bytes = [UInt8](try Data(contentsOf: file))
        #expect(Array(bytes[1..<4]) == Array("PNG".utf8))
        let sizes = [picture.pixelWidth, map.rows].flatMap { size in
            withUnsafeBytes(of: UInt32(size).bigEndian) { Array($0) }
        }
        #expect(Array(bytes[16..<24]) == sizes)
        #expect(throws: DRAMPicture.Failure.unknownKind("/x.gif")) {
            try picture.write(to: URL(filePath: "/x.gif"))
        }
    }

    @Test("Decayed secrets are found with tolerance, and hidden without", arguments: [nil, 0, 1])
    func decayed(ground: Int?) throws {
        let sample = try SampleRecord(seed: 4)
        sample.write(SampleRecord.canary, at: 0x180_0123)
        sample.write(try Secret.decryptionSchedule.bytes(sample), at: 0x182_0FF9)
        try sample.write()
        let report = try attack(sample) {
            ($0.instants, $0.decay, $0.ground) = (.end, 0.02, ground)
        }
        for kind in [DRAMSearchKind.canaries, .schedules] {
            #expect(report.results.first { $0.kind == kind }?.mostAtOnce ?? 0 >= 1, "\(report)")
        }
    }

    @Test("Strings and blocks of firmware and hypervisor, which anybody has, are no secrets")
    func publicMemory() throws {
        let text = Array("SeaBIOS (version 1.16.2-debian-1.16.2-1) says hello".utf8)
        let sample = try SampleRecord(
            seed: 5,
            base: { sample in
                sample.view.replaceSubrange(0xF1000..<0xF1000 + text.count, with: text)
            })
        try sample.write()
        #expect(try !attack(sample).hasFound)
        let copied = try SampleRecord(
            seed: 5,
            base: { sample in
                sample.view.replaceSubrange(0xF1000..<0xF1000 + text.count, with: text)
            })
        copied.write(text, at: 0x180_0000)
        try copied.write()
        #expect(try attack(copied) { $0.instants = .end }.hasFound)
    }

    @Test("A known file's blocks are looked for as well") func known() throws {
        let sample = try SampleRecord(seed: 6)
        let file = sample.folder.folder.appending(path: "known.bin")
        let bytes = sample.noise(4096)
        try Data(bytes).write(to: file)
        sample.write(Array(bytes[1000..<1100]), at: 0x180_0777)
        try sample.write()
        #expect(try !attack(sample) { $0.instants = .end }.hasFound)
        let report = try attack(sample) { ($0.instants, $0.known) = (.end, [file]) }
        // 1008 to 1088 are whole blocks of the file.
        #expect(report.results.first { $0.kind == .blocks }?.mostAtOnce == 5)
    }

    @Test("A truncated log says so; an instant outside of the run and a missing file are clear errors")
    func failures() throws {
        let sample = try SampleRecord(seed: 7)
        sample.end.is_truncated = 1
        try sample.write()
        let cut = try attack(sample)
        #expect(cut.isTruncated && cut.description.contains("truncated"))
        #expect(try attack(sample) { $0.instants = .end }.lastInstant < sample.log.instant)
        let whole = try SampleRecord(seed: 7)
        try whole.write()
        #expect(throws: ColdbootInstants.Failure.self) { try attack(whole) { $0.instants = .instant(0) } }
        try FileManager.default.removeItem(at: whole.folder.dramBase)
        #expect(throws: DRAMView.Failure.self) { try attack(whole) }
        for text in ["", "random:0", "random:x", "-1", "never"] {
            #expect(throws: ColdbootInstants.Failure.notAnInstant(text)) {
                try ColdbootInstants(parsing: text)
            }
        }
    }
}
