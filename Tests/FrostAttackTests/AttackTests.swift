@testable import FrostAttack
import FrostCore
import FrostFormat
@testable import FrostImage
import FrostMachine
import FrostProof
import FrostSamples
import FrostSupport
import Testing

/// What an attacker draws, and what is made of the hypervisor's reaction; no machine needed.
@Suite struct AttackTests {
    static let page = page_make(0, 0x205)
    static let parent = page_make(1, 4)

    // MARK: the draw

    private static func home(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: Int(PAGE_BYTES)) }

    /// Four guest pages and their metadata pages; `change` is added to the first two of each.
    private func record(_ plan: MemoryPlan, change: UInt8, isPaired: Bool = true) -> BusRecord {
        var frames: [UInt64: [UInt8]] = [:]
        for (n, index) in [0x205, 0x206, 0x305, 0x306].enumerated() {
            let page = page_make(0, UInt64(index)), added = n < 2 ? change : 0
            frames[plan.home(page)] = Self.home(UInt8(n + 1) + added)
            frames[plan.home(page_parent(page))] = Self.home(UInt8(n / 2 + 100) + added)
        }
        return BusRecord(plan: plan, frames: frames) { _ in isPaired }
    }

    @Test(
        "Every kind changes what it is named for, and nothing stays as it was", arguments: AttackKind.allCases
    )
    func draws(kind: AttackKind) throws {
        let plan = try MemoryPlan(ram: 16 * .mebibyte, frozen: 512 * .kibibyte)
        let then = record(plan, change: 0), now = record(plan, change: 50), blank = Self.home(0)
        var draws = 0
        for seed in 0..<64 as Range<UInt64> {
            var attacker = Attacker(plan: plan, then: then, now: now, generator: SplitMix64(seed: seed))
            guard let homes = attacker.draw(kind) else { continue }
            draws += 1
            for (page, home) in homes { #expect(home != now[page] ?? blank, "\(kind)") }
            let pages = homes.keys.sorted()
            switch kind {
            case .flip:
                let bits = zip(homes[pages[0]] ?? [], now[pages[0]] ?? blank).map {
                    ($0 ^ $1).nonzeroBitCount
                }
                #expect(bits.reduce(0, +) == 1)
            case .zero: #expect(homes[pages[0]] == blank)
            case .swap:
                #expect(
                    homes[pages[0]] == now[pages[1]] ?? blank && homes[pages[1]] == now[pages[0]] ?? blank)
            case .splice: #expect(now.pages.contains { now[$0] == homes[pages[0]] })
            case .replay: #expect(page_level(pages[0]) == 0 && homes[pages[0]] == then[pages[0]])
            case .rollback: #expect(page_level(pages[0]) == 1 && homes[pages[0]] == then[pages[0]])
            case .rollbackPair:
                #expect(pages.count == 2 && page_parent(pages[0]) == pages[1])
                #expect(pages.allSatisfy { homes[$0] == then[$0] })
            case .firmware:
                #expect(pages.count == 1 && FirmwarePages(plan).pages.contains(pages[0]))
            case .kill, .reset, .nmi, .initialise, .smi, .device, .secondCPU, .secondCPUByNMI, .header: break
            }
        }
        #expect(kind.changesDRAM ? draws > 32 : draws == 0)
    }

    @Test("Nothing is rolled back that has not changed, nor a pair that does not belong together")
    func nothingToDraw() throws {
        let plan = try MemoryPlan(ram: 16 * .mebibyte, frozen: 512 * .kibibyte)
        let now = record(plan, change: 50)
        func draw(_ kind: AttackKind, then: BusRecord) -> [page_id: [UInt8]]? {
            var attacker = Attacker(plan: plan, then: then, now: now, generator: SplitMix64(seed: 1))
            return attacker.draw(kind)
        }
        for kind in [AttackKind.replay, .rollback, .rollbackPair] { #expect(draw(kind, then: now) == nil) }
        #expect(draw(.rollbackPair, then: record(plan, change: 0, isPaired: false)) == nil)
    }

    @Test("The fields of a header are all of it, and few may be changed and start")
    func fields() throws {
        let sample = try SampleImage()
        let image = try BootImage(reading: sample.file)
        #expect(HeaderField.all.first?.bytes.lowerBound == 0)
        for (field, next) in zip(HeaderField.all, HeaderField.all.dropFirst()) {
            #expect(field.bytes.upperBound == next.bytes.lowerBound && !field.bytes.isEmpty, "\(field.name)")
        }
        #expect(HeaderField.all.last?.bytes.upperBound == MemoryLayout<image_header>.size)
        for field in HeaderField.all where field.whyPublic(in: image) != nil {
            #expect(field.bytes.lowerBound >= BootImage.authenticatedBytes, "\(field.name)")
        }
    }

    @Test("A kind that the machine offers no way to says what it lacks")
    func lacks() throws {
        let bare = try Board()
        let whole = try Board(iommu: .intel, devices: [EduDevice.name], cpus: 2)
        let lacking = AttackKind.allCases.filter { $0.lack(on: bare) != nil }
        #expect(lacking == [.device, .secondCPU, .secondCPUByNMI])
        #expect(AttackKind.allCases.allSatisfy { $0.lack(on: whole) == nil })
    }

    @Test("An attack follows from the seed and its number alone, and the kinds take turns")
    func sameSeed() {
        let kinds = AttackKind.allCases
        for number in 0..<100 {
            let one = Attack(number: number, of: kinds, seed: 5),
                again = Attack(number: number, of: kinds, seed: 5)
            #expect(one.seed == again.seed && one.kind == kinds[number % kinds.count])
            #expect(one.wait == again.wait && one.listening == again.listening)
            #expect(one.seed != Attack(number: number, of: kinds, seed: 6).seed)
        }
    }

    // MARK: the judgement

    private func event(_ kind: TraceRecord.Kind, _ page: page_id, _ state: page_state = PAGE_SEALED) throws
        -> TraceRecord
    {
        var wire = trace_record()
        (wire.kind, wire.level, wire.value) = (
            kind.rawValue, UInt8(page_level(page)), UInt64(page_index(page))
        )
        wire.detail = kind == .open ? state.rawValue : 0
        return try #require(TraceRecord(wire))
    }

    private var judge: AttackJudge {
        AttackJudge(
            strike: Strike(
                written: [Self.page: [], Self.parent: []], entries: [:], resident: [], counter: 9,
                position: TracePosition(records: 0)))
    }

    @Test("A page was accepted when it was opened before it was sealed, whatever was dropped before")
    func accepted() throws {
        let other = page_make(0, 0x206)
        let cases: [(events: ArraySlice<TraceRecord>, page: page_id?)] = try [
            ([], nil),
            ([event(.open, other), event(.seal, Self.page)], nil),
            ([event(.seal, Self.page), event(.open, Self.page)], nil),
            ([event(.open, Self.page, PAGE_BLANK)], nil),
            ([event(.open, Self.page)], Self.page),
            ([event(.drop, Self.page), event(.open, Self.page)], Self.page),
            ([event(.seal, Self.page), event(.open, Self.parent)], Self.parent),
            ([event(.open, Self.page, PAGE_IMAGED)], Self.page),
        ]
        for (events, page) in cases { #expect(judge.accepted(events) == page) }
    }

    @Test("A panic counts when it names a page that was touched, and none was accepted before")
    func panics() throws {
        #expect(judge.panicked(at: Self.page, []).verdict == .detected)
        #expect(judge.panicked(at: Self.parent, []).verdict == .detected)
        #expect(judge.panicked(at: page_make(0, 1), []).verdict == .missed)
        #expect(judge.panicked(at: Self.parent, [try event(.open, Self.page)]).verdict == .missed)
    }

    @Test("A strike is settled when every page was sealed anew, or one accepted")
    func settled() throws {
        let sealed: ArraySlice<TraceRecord> = try [event(.seal, Self.page), event(.seal, Self.parent)]
        #expect(judge.isSettled(sealed))
        #expect(!judge.isSettled(sealed.prefix(1)))
        #expect(!judge.isSettled(try [event(.drop, Self.page), event(.seal, Self.parent)]))
        #expect(judge.isSettled([try event(.open, Self.page)]))
    }

    @Test("An image of other sources has no symbols here")
    func foreignHypervisor() throws {
        let sample = try SampleImage()
        let image = try BootImage(reading: sample.file)
        #expect(throws: Toolchain.Failure.otherHypervisor(sample.file.plainPath)) {
            try Toolchain(tree: SourceTree()).symbols(of: image)
        }
    }
}
