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

@Suite("Cold boot, instant after instant") struct ColdbootEqualityTests {
    /// Secrets and noise, written anywhere, over each other, some of them slowly.
    private func busyRecord(seed: UInt64, secrets: [[UInt8]]) throws -> SampleRecord {
        let sample = try SampleRecord(seed: seed)
        var random = SplitMix64(seed: seed &+ 1)
        for _ in 0..<600 {
            let address = 0x180_0000 + UInt64.random(in: 0..<12 * 4096, using: &random)
            var bytes = sample.noise(Int.random(in: 1..<5000, using: &random))
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes = [UInt8](repeating: 0, count: bytes.count)
            case 1: break
            default:
                let secret = secrets[Int.random(in: 0..<secrets.count, using: &random)]
                bytes.insert(contentsOf: secret, at: Int.random(in: 0...bytes.count, using: &random))
            }
            sample.write(bytes, at: address, lasting: .random(in: 0...350, using: &random))
        }
        try sample.write()
        return sample
    }

    private func attack(_ sample: SampleRecord, _ blocks: [UInt8], _ decay: DRAMSearch.decay) throws
        -> DRAMAttack
    {
        let set = try #require(BlockSet(capacity: blocks.count / 16))
        blocks.withUnsafeBytes { set.add($0) }
        return DRAMAttack(
            canaries: [try Canary(parsing: "0x\(SampleRecord.canary.hexadecimal)")],
            keys: SecretKeys([("the session key", sample.sessionKey)]), blocks: set, decay: decay)
    }

    private static let sets: [(probability: Double, ground: UInt8)] = [
        (0, 2), (0.01, 0), (0.01, 1), (0.01, 2),
    ]

    @Test("What is kept of earlier instants is what a search of everything says", arguments: sets)
    func equality(probability: Double, ground: UInt8) throws {
        let seed = UInt64.random(in: 1...UInt64.max)
        var random = SplitMix64(seed: seed)
        let noise: [UInt8] = (0..<2048).map { _ in .random(in: .min ... .max, using: &random) }
        var schedule = [UInt8](repeating: 0, count: 240)
        key_schedule_expand(Array(noise[0..<32]), 32, KEY_FORWARD, &schedule)
        let text = Array("a line of text that is longer than the shortest string that is told".utf8)
        let sample = try busyRecord(seed: seed, secrets: [SampleRecord.canary, schedule, text, noise])
        let record = try CacheRecord(reading: sample.folder.folder)
        let decay = DRAMSearch.decay(probability: probability, ground: decay_ground(rawValue: ground))
        let attack = try attack(sample, noise, decay)

        let view = try DRAMView(record.folder, log: record.log)
        let scan = try ColdbootScan(view, attack: attack, seed: seed)
        let end = sample.log.instant
        let instants = (0..<100).map { _ in UInt64.random(in: 1...end, using: &random) }.sorted()
        var found = 0, within = 0
        for (index, instant) in instants.enumerated() {
            try scan.advance(to: instant)
            within += view.isWithinWrite ? 1 : 0
            guard index.isMultiple(of: 25) else { continue }
            let other = try DRAMView(record.folder, log: record.log)
            _ = try other.advance(to: instant)
            #expect(other.holdsSame(as: view.bytes), "seed \(seed), instant \(instant)")
            let full = try ColdbootScan(other, attack: attack, seed: seed)
            let isEqual = full.finds == scan.finds
            #expect(isEqual, "seed \(seed), instant \(instant)")
            #expect(scan.standing.filter { $0.value != 0 } == full.standing.filter { $0.value != 0 })
            if probability == 0 { try expectSame(as: attack, scan, "seed \(seed), instant \(instant)") }
            found += scan.finds.count
        }
        #expect(found > 20 && within > 10, "the test looks at nothing: seed \(seed)")
    }

    /// By one search over the whole memory, without pages and borders. Strings that cross a border count twice there.
    private func expectSame(as attack: DRAMAttack, _ scan: ColdbootScan, _ comment: Comment) throws {
        let whole = attack.finds(in: scan.view.bytes, at: 0, base: scan.view.base)
        for kind in [DRAMSearchKind.canaries, .keys, .schedules] {
            #expect(
                whole.filter { $0.kind == kind }.map(\.offset)
                    == scan.finds.filter { $0.kind == kind }.map(\.offset), comment)
        }
        let blocks = whole.first { $0.kind == .blocks }?.count ?? 0
        #expect(blocks == scan.standing[.blocks, default: 0], comment)
    }

    @Test("The view at the end is what DRAM held at the end") func end() throws {
        let sample = try busyRecord(seed: 9, secrets: [SampleRecord.canary])
        let record = try CacheRecord(reading: sample.folder.folder)
        let view = try DRAMView(record.folder, log: record.log)
        for instant in stride(from: 0, through: sample.log.instant + 400, by: 777) {
            _ = try view.advance(to: instant)
        }
        _ = try view.advance(to: .max)
        let final = try #require(MappedFile(record.folder.dramFinal))
        #expect(view.holdsSame(as: UnsafeRawBufferPointer(final.bytes)))
        #expect(throws: DRAMView.Failure.self) { try view.advance(to: 1) }
    }
}

extension DRAMView {
    fileprivate func holdsSame(as other: UnsafeRawBufferPointer) -> Bool {
        guard let ours = bytes.baseAddress, let theirs = other.baseAddress else { return false }
        return bytes.count == other.count && memcmp(ours, theirs, bytes.count) == 0
    }
}
