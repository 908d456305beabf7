import CacheModel
import Foundation
import FrostCore
import FrostFormat
import FrostImage
@testable import FrostProof
import FrostSamples
import FrostSupport
import ResidencyRecord
import Testing

/// The judge finds everything that is wrong with a record on purpose, and names it.
@Suite("Cache verdict") struct CacheVerdictTests {
    /// What must be said of it.
    enum Expected {
        case broken(Condition, rule: String)
        /// Not provable, for a reason that says this.
        case fault(String)
    }

    /// One thing that is wrong with a record.
    struct FaultyRecord: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let expected: Expected
        let make: @Sendable (SampleRecord) throws -> Void

        init(
            _ name: String, _ expected: Expected, _ make: @escaping @Sendable (SampleRecord) throws -> Void
        ) {
            (testDescription, self.expected, self.make) = (name, expected, make)
        }
    }

    static func seed() -> UInt64 {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        return seed
    }

    @Test("A sound record is proven, twice the same")
    func sound() throws {
        let record = try SampleRecord(seed: Self.seed())
        let verdict = try record.verdict()
        #expect(verdict.answer == .proven, "\(verdict)")
        #expect(verdict.faults.isEmpty)
        #expect(verdict.findings.map(\.condition) == Condition.allCases)
        #expect(!verdict.notes.contains { $0.contains("canaries") }, "\(verdict)")
        #expect(
            verdict.notes.contains { $0.hasSuffix("or are public: they are not looked for.") }, "\(verdict)")
        let figure = verdict.finding(.accountedWrites)?.figure ?? ""
        #expect(figure.contains("4 homes verified"), "\(figure)")
        #expect(
            figure.contains("\(0x30000) bytes erased") && figure.contains("40 in the firmware's"), "\(figure)"
        )
        var again = try CacheJudge(CacheRecord(reading: record.folder.folder))
        #expect(try again.verdict() == verdict)
    }

    @Test("Each faulty record breaks its condition and is named", arguments: Self.faulty)
    func isNamed(_ faulty: FaultyRecord) throws {
        let record = try SampleRecord(seed: Self.seed())
        try faulty.make(record)
        try Self.check(record.verdict(), faulty.expected)
    }

    @Test("What the guest gives away is counted, and proven; the page is a home again afterwards")
    func shared() throws {
        let record = try SampleRecord(seed: Self.seed())
        let home: UInt64 = 0x50_0000, page = page_make(0, home / UInt64(PAGE_BYTES))
        let given = record.noise()
        record.seal(page_make(0, 0x400), given)
        record.share(home)
        record.share(home + 4096)
        record.write(Array(given[100..<3000]), at: home + 2000, mode: MODE_GUEST)
        record.write(record.noise(64), at: home + 64, mode: MODE_DEVICE)
        record.share(home, false)
        record.seal(page, record.noise())
        let verdict = try record.verdict()
        #expect(verdict.answer == .proven, "\(verdict)")
        #expect(
            verdict.shared
                == SharedPages(pages: 2, most: 2, takenBack: 1, givenBytes: 2900, deviceBytes: 64))
        #expect("\(verdict)".contains("or to a page that the guest shared"))
        #expect("\(verdict)".contains("The guest shared 2 pages"))
    }

    @Test(
        "What the firmware left before there was a key is no secret; the image's memory in the clear at its home is"
    )
    func before() throws {
        func verdict(putting place: (SampleRecord) -> UInt64) throws -> CacheVerdict {
            let record = try SampleRecord(
                seed: Self.seed(),
                base: { record in
                    let text = Array(record.sample.guest.memory.pages[0x100].map { $0[512..<1024] } ?? [])
                    let at = Int(place(record))
                    record.view.replaceSubrange(at..<at + text.count, with: text)
                })
            return try record.verdict()
        }
        let left = try verdict { _ in 0x50_0006 }
        #expect(left.answer == .proven, "\(left)")
        let home = page_make(0, 0x100)
        Self.check(
            try verdict { $0.home(home) + 512 }, .broken(.noSecret, rule: "plaintext-block"))
    }

    static func check(_ verdict: CacheVerdict, _ expected: Expected) {
        switch expected {
        case .broken(let condition, let rule):
            #expect(verdict.answer == .leaked, "\(verdict)")
            let finding = verdict.finding(condition)
            #expect(finding?.holds == false, "\(verdict)")
            #expect(finding?.violations.contains { $0.rule == rule } ?? false, "\(verdict)")
        case .fault(let words):
            #expect(verdict.answer == .notProvable, "\(verdict)")
            #expect(verdict.faults.contains { $0.contains(words) }, "\(verdict)")
        }
    }

    @Test("A log cut or damaged anywhere is never proven, and never a trap")
    func damaged() throws {
        let sound = try SampleRecord(seed: Self.seed())
        try sound.write()
        let bytes = [UInt8](try Data(contentsOf: sound.folder.residencyLog))
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<12 {
            let count = Int.random(in: MemoryLayout<residency_header>.size..<bytes.count, using: &generator)
            try Data(bytes.prefix(count)).write(to: sound.folder.residencyLog)
            var judge = try CacheJudge(CacheRecord(reading: sound.folder.folder))
            let verdict = try judge.verdict()
            #expect(verdict.answer != .proven)
            #expect(verdict.faults.contains { $0.contains("cut short") }, "\(count): \(verdict)")
        }
    }

    @Test("Files that are missing or were exchanged are one clear sentence")
    func files() throws {
        let record = try SampleRecord(seed: Self.seed())
        try record.write()
        let folder = record.folder
        try Data("{}".utf8).write(to: folder.proof)
        #expect(throws: CacheRecord.Failure.damaged(folder.proof.plainPath)) {
            try CacheRecord(reading: folder.folder)
        }
        try record.write()
        try Data([1]).write(to: folder.image)
        #expect(throws: CacheRecord.Failure.changed(folder.image.plainPath)) {
            try CacheRecord(reading: folder.folder)
        }
        try record.write()
        try FileManager.default.removeItem(at: folder.proof)
        #expect(throws: CacheRecord.Failure.noProof(folder.folder.plainPath)) {
            try CacheRecord(reading: folder.folder)
        }
    }
}
