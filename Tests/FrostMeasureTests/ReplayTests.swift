import Foundation
@testable import FrostMeasure
import FrostSamples
import FrostSupport
import PageReplay
import Testing

@Suite struct ReplayTests {
    private func report(
        _ touches: TouchWriter, slots: UInt32, policies: [ReplayPolicy] = ReplayPolicy.allCases
    ) throws -> ReplayReport {
        let scratch = try Scratch()
        let file = try touches.write(to: scratch.url.appending(path: "touches.bin"))
        var replay = try PagerReplay(file, regions: [], slots: [slots])
        replay.policies = policies
        return try replay.report()
    }

    /// Misses of the best of all choices, each of them tried.
    private func leastMisses(_ pages: ArraySlice<UInt32>, held: Set<UInt32> = [], slots: Int) -> Int {
        guard let page = pages.first else { return 0 }
        let rest = pages.dropFirst()
        if held.contains(page) { return leastMisses(rest, held: held, slots: slots) }
        if held.count < slots { return 1 + leastMisses(rest, held: held.union([page]), slots: slots) }
        let choices = held.map { leastMisses(rest, held: held.subtracting([$0]).union([page]), slots: slots) }
        return 1 + (choices.min() ?? 0)
    }

    @Test("The bound is what trying every choice gives")
    func bruteForce() {
        let seed = UInt64.random(in: 0 ... .max)
        print("bruteForce: seed \(seed)")
        var random = SplitMix64(seed: seed)
        for _ in 0..<300 {
            let pages = (0..<14).map { _ in UInt32(random.next() % 6) }
            let slots = Int(random.next() % 3) + 2
            var input = replay_input()
            input.covered_bytes = 64 << 20
            input.geometry = page_geometry_make(64 << 20, 64 << 20)
            let bound = pages.withUnsafeBufferPointer { touches in
                (input.touches, input.count) = (touches.baseAddress, UInt64(touches.count))
                let replay = replay_create(&input)
                defer { replay_free(replay) }
                return replay_bound(replay, UInt32(slots))
            }
            #expect(Int(bound) == leastMisses(pages[...], slots: slots), "\(pages) in \(slots) slots")
        }
    }

    @Test("No policy that opens on demand has fewer misses than the bound, and all can replay")
    func random() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("random: seed \(seed)")
        var random = SplitMix64(seed: seed)
        var touches = TouchWriter(runs: [(page: 100, pages: 150), (page: 9_000, pages: 3)])
        touches.touches = (0..<20_000).map { _ in
            // Some pages are hotter than others.
            let page = UInt32(random.next() % 1_200) % (1 + UInt32(random.next() % 1_200))
            return page | (random.next() % 4 == 0 ? TouchWriter.write : 0)
        }
        let report = try report(touches, slots: 200)
        let point = report.points[0]
        let optimum = try #require(point.misses["optimum"])
        #expect(report.distinctPages > 1_000 && point.bound > report.distinctPages && optimum >= point.bound)
        for policy in ReplayPolicy.allCases where policy.isOnDemand {
            #expect(try #require(point.misses[policy.rawValue]) >= optimum, "\(policy)")
            #expect(try #require(point.writeBacks[policy.rawValue]) > 0)
        }
    }

    @Test("With a slot for each page, each page is missed once and only the image's are decrypted")
    func roomForAll() throws {
        var touches = TouchWriter(runs: [(page: 100, pages: 150)])
        touches.touches = (0..<3).flatMap { _ in (0..<UInt32(300)).map { 2 * $0 } }
        let report = try report(touches, slots: 400)
        #expect(report.distinctPages == 300 && report.touches == 900)
        for policy in ReplayPolicy.allCases where policy.isOnDemand {
            #expect(report.points[0].misses[policy.rawValue] == 300, "\(policy)")
            #expect(report.points[0].opens[policy.rawValue] == 75, "\(policy)")
            #expect(report.points[0].writeBacks[policy.rawValue] == 0, "\(policy)")
        }
        #expect(report.points[0].bound == 300)
    }

    @Test("Never-written pages come eight at a time; the image's, one by one")
    func ahead() throws {
        var touches = TouchWriter(runs: [(page: 4_000, pages: 80)])
        touches.touches = (0..<UInt32(2_000)).map { $0 } + (4_000..<4_080)
        let point = try report(touches, slots: 400, policies: [.clock, .clockAhead]).points[0]
        #expect(point.misses["clock"] == 2_080)
        // When the clock has just taken all marks away, it also takes a neighbour or two before they are touched.
        let misses = try #require(point.misses["clock-ahead"])
        #expect(2_000 / 8 + 80...2_000 / 8 + 83 ~= misses)
        #expect(point.opens["clock-ahead"] == 80)
        #expect(point.writeBacks["clock-ahead"] == 0)
    }

    @Test("What is written and evicted is sealed, and decrypted when it comes back")
    func seals() throws {
        let pages = (0..<UInt32(500)).map { $0 }
        let touches = TouchWriter(touches: pages.map { $0 | TouchWriter.write } + pages)
        let point = try report(touches, slots: 100, policies: [.fifo]).points[0]
        #expect(point.misses["fifo"] == 1_000)
        #expect(point.writeBacks["fifo"] == 500)
        #expect(point.opens["fifo"] == 500)
    }

    @Test("The report is JSON with a number for each policy, and the same each time")
    func json() throws {
        let touches = TouchWriter(touches: (0..<5_000).map { ($0 &* 7_919) % 700 })
        let first = try report(touches, slots: 120)
        #expect(try report(touches, slots: 120).points == first.points)
        let text = try JSON.text(first)
        #expect(try JSONDecoder().decode(ReplayReport.self, from: Data(text.utf8)) == first)
        #expect(first.points[0].misses.keys.sorted() == ReplayPolicy.allCases.map(\.rawValue).sorted())
        #expect(first.points[0].slots == 120)
        #expect(first.description.contains("gclock-ahead") && first.description.contains("120 slots"))
    }
}

@Suite struct TouchRecordTests {
    @Test("What is no sound record is refused by name")
    func refused() throws {
        let scratch = try Scratch()
        let file = scratch.url.appending(path: "touches.bin")
        let path = file.path()
        func failure(_ bytes: Data) throws -> TouchRecord.Failure? {
            try bytes.write(to: file)
            do throws(TouchRecord.Failure) { _ = try TouchRecord(reading: file) } catch { return error }
            return nil
        }
        #expect(throws: TouchRecord.Failure.missing(path)) { try TouchRecord(reading: file) }
        #expect(try failure(Data("nothing of the kind".utf8)) == .foreign(path))
        #expect(try failure(TouchWriter(version: 9, touches: [1]).bytes) == .version(path, 9))
        #expect(try failure(TouchWriter().bytes) == .empty(path))
        #expect(try failure(TouchWriter(touches: [16_384]).bytes) == .damaged(path))
        #expect(try failure(TouchWriter(covered: 4095, touches: [0]).bytes) == .damaged(path))
        #expect(try failure(TouchWriter(covered: 1 << 40, touches: [0]).bytes) == .damaged(path))
        #expect(try failure(TouchWriter(runs: [(16_000, 385)], touches: [1]).bytes) == .damaged(path))
        #expect(try failure(TouchWriter(touches: [1, 2]).bytes.dropLast()) == nil)
    }

    @Test("A short record that asks for more memory than there is is refused, before it is taken")
    func memory() throws {
        let scratch = try Scratch()
        let whole = [(page: UInt32(0), pages: UInt32(1_024))]
        for (runs, limit, fits) in [
            (whole, 9 << 20, true), (whole, 8 << 20, false), (whole + whole, 9 << 20, false),
        ] {
            let file = try TouchWriter(runs: runs, touches: [1]).write(
                to: scratch.url.appending(path: "touches.bin"))
            var replay = try PagerReplay(file, regions: [], slots: [64])
            replay.memory = UInt64(limit)
            replay.policies = [.fifo]
            if fits {
                #expect(try replay.report().touches == 1)
            } else {
                #expect(throws: PagerReplay.Failure.noMemory) { try replay.report() }
            }
        }
    }

    @Test("Sizes that cannot be replayed are refused")
    func sizes() throws {
        let scratch = try Scratch()
        let file = try TouchWriter(touches: [1]).write(to: scratch.url.appending(path: "touches.bin"))
        #expect(throws: PagerReplay.Failure.slots(10)) { try PagerReplay(file, regions: [], slots: [10]) }
        let trace = scratch.url.appending(path: "trace.bin").path()
        #expect(throws: PagerReplay.Failure.noTrace(trace)) {
            try PagerReplay(file, regions: [8 * .mebibyte])
        }
    }
}
