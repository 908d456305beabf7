import Foundation
import FrostCore
import FrostFormat
import FrostMachine
import FrostProof
import FrostSupport

/// An image that was changed on disk, behind the back of `frost`, and a boot of it.
final class ImageAttack {
    private enum Change {
        case field(HeaderField)
        case page(page_id)
    }

    private let attack: Attack
    private let base: AttackBase
    private let isInterrupted: () -> Bool
    private let change: Change
    private let bytes: [UInt8]
    private let started = ContinuousClock.now
    private var looked = ContinuousClock.now
    private var stillness = 0, finality = 0
    private var readRecords = 0
    private var finding: AttackJudge.Finding?
    private var leftovers: [MemorySearch.Find] = []

    /// One attack in this many changes a page of the guest's instead of the header.
    private static let pageEvery = 4
    /// Halted so often and so far apart: it has stopped. Where a halt is for good the second look only lets its last
    /// words arrive.
    private static let stillLooks = 15, lastLooks = 2
    private static let betweenLooks = Duration.milliseconds(200)
    /// How long it may take to a launch, or to where attacks begin, on a host with more work than cores too.
    private static let patience = Duration.seconds(100)

    /// - Throws: ``BootImage/Failure/unreadable(_:)``
    init(_ attack: Attack, on base: AttackBase, isInterrupted: @escaping () -> Bool) throws {
        (self.attack, self.base, self.isInterrupted) = (attack, base, isInterrupted)
        var generator = attack.generator
        guard let file = try? Data(contentsOf: base.image.file) else {
            throw BootImage.Failure.unreadable(base.image.file.plainPath)
        }
        var bytes = [UInt8](file)
        change =
            Int.random(in: 0..<Self.pageEvery, using: &generator) == 0
            ? Self.changePage(of: base.image, in: &bytes, &generator)
            : Self.changeField(of: base.image, in: &bytes, &generator)
        self.bytes = bytes
    }

    // MARK: the draw

    private static func changeField(
        of image: BootImage, in bytes: inout [UInt8], _ generator: inout SplitMix64
    ) -> Change {
        let field = HeaderField.all[Int.random(in: 0..<HeaderField.all.count, using: &generator)]
        let range =
            field.bytes.lowerBound + BootImage.headerOffset..<field.bytes.upperBound + BootImage.headerOffset
        let before = bytes[range]
        repeat {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: for at in range { bytes[at] = .random(in: 0...255, using: &generator) }
            case 1: bytes.replaceSubrange(range, with: range.map { _ in 0 })
            case 2:
                bytes[Int.random(in: range, using: &generator)] ^=
                    1 << Int.random(in: 0..<8, using: &generator)
            // A number that is a little larger.
            default: bytes[range.lowerBound] &+= .random(in: 1...16, using: &generator)
            }
        } while bytes[range] == before
        if field.name != HeaderField.checksum { BootImage.mendChecksum(of: &bytes) }
        return .field(field)
    }

    private static func changePage(
        of image: BootImage, in bytes: inout [UInt8], _ generator: inout SplitMix64
    ) -> Change {
        let pageBytes = Int(PAGE_BYTES)
        let homes = image.runs.flatMap { run in
            (0..<UInt64(run.pages)).map { run.home + $0 * UInt64(PAGE_BYTES) }
        }
        let at = Int.random(in: 0..<homes.count, using: &generator)
        let offset = Int(image.header.payload_lba) * BootImage.sectorBytes + at * pageBytes
        bytes[offset + Int.random(in: 0..<pageBytes, using: &generator)] ^=
            1 << Int.random(in: 0..<8, using: &generator)
        return .page(image.plan.page(at: homes[at]) ?? page_make(0, homes[at] / UInt64(PAGE_BYTES)))
    }

    private var target: String {
        switch change {
        case .field(let field): "the header's \(field.name)"
        case .page(let page): "\(pageName(page)) on disk"
        }
    }

    // MARK: the boot

    /// - Throws: as ``Run/boot()``; ``AttackInterrupted`` when a signal came.
    func run() throws -> AttackOutcome {
        let file = FileManager.default.temporaryDirectory.appending(
            path: "frost-changed-\(UUID().uuidString.prefix(13)).img")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(bytes).write(to: file)
        var options = RunOptions()
        options.board = base.board
        // The disk that the saved machine has: with another one firmware keeps more memory for itself.
        options.isSaveable = true
        options.timeLimit = TimeSpan(Self.patience * 2)
        options.passphrase = try base.passphrase ?? Passphrase("none")
        options.hooks = [
            Hook(.every(.zero)) { [self] machine in try look(machine) },
            Hook(.end) { [self] machine in
                leftovers = try base.needles.finds(in: machine.ram).filter {
                    !base.image.plan.frozenRegion.contains($0.address)
                }
            },
        ]
        let result = try Run(BootImage(base.image, at: file), options: options).boot()
        if isInterrupted() { throw AttackInterrupted() }
        let finding = verdict(result)
        return AttackOutcome(
            number: attack.number, seed: attack.seed, kind: attack.kind, targets: [target],
            verdict: finding.verdict, reason: finding.reason)
    }

    private func look(_ machine: Machine) throws {
        if isInterrupted() || ContinuousClock.now > started + Self.patience { return machine.stop() }
        if case .page(let page) = change, isOpened(page, machine.trace.records) {
            finding = (.missed, "\(pageName(page)) was opened with the attacker's bytes")
            return machine.stop()
        }
        guard machine.trace.hasLaunched else { return try lookForStillness(machine) }
        if case .field(let field) = change, field.whyPublic(in: base.image) == nil { return machine.stop() }
        // Console and trace come by two lines, and either may be behind.
        guard base.after.map({ machine.consoleText.contains($0) }) ?? true,
            machine.trace.facts.count >= base.facts.count
        else { return }
        do { try machine.pauseInGuest() } catch Machine.Failure.neverThere { return }
        finding = try survived(machine)
        machine.stop()
    }

    /// The boot sector's and the loader's refusals halt the CPU, and some are not on the serial line.
    private func lookForStillness(_ machine: Machine) throws {
        guard ContinuousClock.now > looked + Self.betweenLooks else { return }
        looked = ContinuousClock.now
        let halt: CPUHalt
        do {
            halt = CPUHalt(registers: try machine.registers())
        } catch QMP.Failure.gone, QMP.Failure.noConnection {
            return
        }
        stillness = halt.isHalted ? stillness + 1 : 0
        finality = halt.isForGood ? finality + 1 : 0
        if stillness == Self.stillLooks || finality == Self.lastLooks { machine.stop() }
    }

    /// By what the trace has said since it was asked last.
    private func isOpened(_ page: page_id, _ records: [TraceRecord]) -> Bool {
        defer { readRecords = records.count }
        return records.dropFirst(readRecords).contains { Self.isOpening($0, of: page) }
    }

    private static func isOpening(_ record: TraceRecord, of page: page_id) -> Bool {
        record.kind == .open && record.level == UInt8(page_level(page))
            && record.value == UInt64(page_index(page))
    }

    // MARK: the verdict

    private func survived(_ machine: Machine) throws -> AttackJudge.Finding {
        switch change {
        case .field(let field):
            if let difference = difference(machine) {
                return (.missed, "the machine started otherwise: \(difference)")
            }
            return (.withoutEffect, "the header's \(field.name): \(field.whyPublic(in: base.image) ?? "")")
        case .page(let page):
            let view = try FrozenView(machine, symbols: base.symbols)
            let position = TracePosition(records: 0)
            let isOpened = try position.records(of: machine, view).contains {
                Self.isOpening($0, of: page)
            }
            let isBroken = try TreeAudit(view).broken == [page]
            guard !isOpened, isBroken, view.slots[page] == nil else {
                return (.missed, "\(pageName(page)) may have been used: no proof that it was not")
            }
            return (.withoutEffect, "never opened: its home still fails its tag")
        }
    }

    /// What was not as in the machine that all attacks begin with; nil: nothing that can be compared.
    private func difference(_ machine: Machine) -> String? {
        let facts = machine.trace.facts
        let fact = TraceFact.allCases.first { facts[$0] != base.facts[$0] }
        if let fact { return "its \(fact.rawValue)" }
        return beginning(machine.console) == beginning(base.console) ? nil : "its console"
    }

    /// Up to where attacks begin.
    private func beginning(_ console: [UInt8]) -> Substring {
        let text = String(decoding: console, as: UTF8.self)
        let end = base.after.flatMap { text.range(of: $0)?.upperBound }
        return text[..<(end ?? text.startIndex)]
    }

    private func verdict(_ result: RunResult) -> AttackJudge.Finding {
        if let find = leftovers.first {
            return (.missed, "'\(find.needle)' stands in memory at \(find.address.hexadecimal)")
        }
        if let find = base.secrets.finds(in: result.console).first {
            return (.missed, "'\(find.needle)' was released on the console")
        }
        if let finding { return finding }
        if case .page(let page) = change, result.ending == pageEnding(page) {
            return (.detected, "panic at the page, which was changed on disk")
        }
        guard !result.trace.hasLaunched else { return (.missed, "the guest was launched: \(result.ending)") }
        let isAsked = result.consoleText.contains(PASSPHRASE_PROMPT)
        switch result.ending {
        case .wrongPassphrase, .panic(.key, _, _): return (.detected, "the image's key does not open")
        case .panic(let code?, _, _) where !isAsked:
            return (.detected, "refused before there is a key: panic \(code.rawValue)")
        case .stopped, .died:
            return (
                .held,
                isAsked
                    ? "no key was opened"
                    : "the machine did not come to ask for a passphrase, or to open a key"
            )
        default: return (.missed, result.ending.description)
        }
    }

    private func pageEnding(_ page: page_id) -> RunEnding {
        .panic(code: .integrity, value: UInt64(page_index(page)), level: UInt8(page_level(page)))
    }
}
