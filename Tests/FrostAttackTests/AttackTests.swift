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

    /// Two pages were changed, and these events have come since.
    private func judge(_ events: [TraceRecord], entries: [page_id: page_entry] = [:]) -> AttackJudge {
        var judge = AttackJudge(
            strike: Strike(
                written: [Self.page: [], Self.parent: []], entries: entries, resident: [], counter: 9,
                position: TracePosition(records: 0)))
        // As the trace grows: what was taken before comes again.
        for count in 0...events.count { judge.take(events.prefix(count)) }
        return judge
    }

    @Test("A page was accepted when it was opened before it was sealed, whatever was dropped before")
    func accepted() throws {
        let other = page_make(0, 0x206)
        let cases: [(events: [TraceRecord], page: page_id?)] = try [
            ([], nil),
            ([event(.open, other), event(.seal, Self.page)], nil),
            ([event(.seal, Self.page), event(.open, Self.page)], nil),
            ([event(.open, Self.page, PAGE_BLANK)], nil),
            ([event(.open, Self.page)], Self.page),
            ([event(.drop, Self.page), event(.open, Self.page)], Self.page),
            ([event(.seal, Self.page), event(.open, Self.parent)], Self.parent),
            ([event(.open, Self.page, PAGE_IMAGED)], Self.page),
        ]
        for (events, page) in cases { #expect(judge(events).accepted == page) }
    }

    @Test("A panic counts when it names a page that was touched, and none was accepted before")
    func panics() throws {
        #expect(judge([]).panicked(at: Self.page).verdict == .detected)
        #expect(judge([]).panicked(at: Self.parent).verdict == .detected)
        #expect(judge([]).panicked(at: page_make(0, 1)).verdict == .missed)
        #expect(try judge([event(.open, Self.page)]).panicked(at: Self.parent).verdict == .missed)
    }

    @Test("A strike is settled when each page was sealed anew or used without its home, or one accepted")
    func settled() throws {
        let sealed = try event(.seal, Self.page)
        #expect(try judge([sealed, event(.seal, Self.parent)]).isSettled)
        #expect(try judge([sealed, event(.open, Self.parent, PAGE_BLANK)]).isSettled)
        #expect(!judge([sealed]).isSettled)
        #expect(try !judge([event(.drop, Self.page), event(.seal, Self.parent)]).isSettled)
        #expect(try judge([event(.open, Self.page)]).isSettled)
    }

    @Test("A guest has been back everywhere when it has opened twice as many pages as it has")
    func backEverywhere() throws {
        var sealed = page_entry()
        sealed.state = PAGE_SEALED.rawValue
        let entries = [
            page_make(0, 1): sealed, page_make(0, 2): sealed, page_make(0, 3): page_entry(),
            Self.parent: sealed,
        ]
        let opening = try event(.open, page_make(0, 7))
        let others = try [event(.open, Self.parent), event(.seal, page_make(0, 7))]
        #expect(!judge([opening, opening, opening] + others, entries: entries).isBackEverywhere)
        #expect(judge([opening, opening, opening, opening], entries: entries).isBackEverywhere)
    }

    @Test("A CPU is halted for good where it takes no interrupt, and in code that is not the firmware's")
    func halts() {
        func halt(_ flags: String, at segment: String, _ pointer: String, _ halted: Int) -> CPUHalt {
            CPUHalt(registers: [
                "EIP=\(pointer) EFL=\(flags) [-------] CPL=0 II=0 A20=1 SMM=0 HLT=\(halted)",
                "ES =0000 00000000 0000ffff 00009300", "CS =\(segment) 0000ffff 00009b00",
            ])
        }
        #expect(halt("00000202", at: "0000 00000000", "00007c5b", 1).isForGood)
        #expect(halt("00000202", at: "1000 00010000", "00001234", 1).isForGood)
        #expect(halt("00000002", at: "f000 000f0000", "0000c489", 1).isForGood)
        let waiting = halt("00000202", at: "f000 000f0000", "0000c489", 1)
        #expect(waiting.isHalted && !waiting.isForGood)
        let running = halt("00000002", at: "0000 00000000", "00007c5b", 0)
        #expect(!running.isHalted && !running.isForGood)
        #expect(
            CPUHalt(registers: [
                "RIP=ffffffff80001000 RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1",
                "CS =0008 0000000000000000 ffffffff 00af9a00",
            ]).isForGood)
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
