import DRAMSearch
package import Foundation
import FrostCore
import FrostFormat
package import FrostImage
import FrostMachine
package import FrostProof
package import FrostSupport
import ResidencyRecord

/// Reads the DRAM of a recorded run at some instants and attacks what it finds.
package struct Coldboot {
    package struct Options: Sendable {
        package var instants = ColdbootInstants.random(100)
        /// Decides the instants, and which cells decay.
        package var seed: UInt64 = 1
        /// That a cell has lost its charge, 0 to 0.1.
        package var decay = 0.0
        /// What such a cell reads as; nil: either.
        package var ground: Int?
        /// Beside those that the run was recorded with.
        package var canaries: [Canary] = []
        /// Files whose blocks are looked for, beside the image's pages.
        package var known: [URL] = []

        package init() {}
    }

    package let record: CacheRecord
    private let options: Options
    private let progress: (String) -> Void

    package init(_ record: CacheRecord, options: Options, progress: @escaping (String) -> Void = { _ in }) {
        (self.record, self.options, self.progress) = (record, options, progress)
    }

    /// What was found, and all that stands in DRAM at the last instant.
    package func run() throws -> (report: ColdbootReport, last: ColdbootScan) {
        let survey = RecordSurvey(record.log)
        if let failure = survey.failure { throw failure }
        let span = try Self.span(survey)
        let instants = try options.instants.drawn(from: span, seed: options.seed)
        let view = try DRAMView(record.folder, log: record.log)
        progress("preparing the search")
        let attack = try self.attack(survey, view)
        progress("searching DRAM as it was at first")
        let scan = try ColdbootScan(view, attack: attack, seed: options.seed)
        var tally = ColdbootTally(scan)
        for (done, instant) in instants.enumerated() {
            if done.isMultiple(of: max(1, instants.count / 10)) && done > 0 {
                progress("\(done) of \(instants.count.of("instant"))")
            }
            try scan.advance(to: instant)
            tally.count()
        }
        return (report(instants, tally, attack, scan, isTruncated: survey.end?.is_truncated != 0), scan)
    }

    /// From where the log of writes begins.
    private static func span(_ survey: RecordSurvey) throws(Failure) -> ClosedRange<UInt64> {
        let start = survey.phases.first { $0.phase == PHASE_FROZEN || $0.phase == PHASE_OPEN }
        guard let start else { throw .neverBegan }
        guard let end = survey.end, end.record.instant >= start.record.instant else { throw .neverBegan }
        // Of a truncated log only what it holds is known.
        let last = end.is_truncated == 0 ? end.record.instant : survey.lastWrite
        guard last > start.record.instant else { throw .neverBegan }
        return start.record.instant...last
    }

    private func attack(_ survey: RecordSurvey, _ view: DRAMView) throws -> DRAMAttack {
        let image = survey.keys[PAGE_IMAGED.rawValue], session = survey.keys[PAGE_SEALED.rawValue]
        var plaintext: [[UInt8]] = try options.known.map(Self.memory)
        if let image, let session {
            let map = MemoryMap(record.image.plan, lowRAMBytes: record.log.header.low_ram_bytes)
            let cipher = HomeCipher(imageKey: image, sessionKey: session)
            plaintext.append(try ImageContent(record.image, map: map, cipher: cipher).plaintext)
        }
        let keys = [("the image key", image), ("the session key", session)].compactMap { name, raw in
            raw.map { (name: name, raw: $0) }
        }
        return DRAMAttack(
            canaries: record.inputs.canaries + options.canaries, keys: SecretKeys(keys),
            blocks: try blocks(plaintext, view),
            decay: decay(probability: options.decay, ground: ground))
    }

    private var ground: decay_ground {
        options.ground.map { $0 == 0 ? DECAY_TO_0 : DECAY_TO_1 } ?? DECAY_EITHER
    }

    /// Without those that are public: in the image's own clear part, and in what others had filled.
    private func blocks(_ plaintext: [[UInt8]], _ view: DRAMView) throws -> BlockSet {
        let count = plaintext.reduce(0) { $0 + $1.count / Int(BLOCK_BYTES) }
        guard let set = BlockSet(capacity: count) else { throw ColdbootScan.Failure.noMemory }
        for memory in plaintext { memory.withUnsafeBytes { set.add($0) } }
        let shown = Int(record.image.header.payload_lba) * Int(IMAGE_SECTOR_BYTES)
        if let image = MappedFile(record.folder.image) { set.remove(standingIn: image.slice(0..<shown)) }
        for range in record.foreign(in: view.baseFile) { set.remove(standingIn: view.baseFile.slice(range)) }
        return set
    }

    /// What a file puts into memory: of an executable its segments, as they are loaded; else all of it.
    private static func memory(_ file: URL) throws -> [UInt8] {
        guard let data = try? Data(contentsOf: file) else { throw Failure.unreadable(file.plainPath) }
        let bytes = [UInt8](data)
        guard let executable = try? ELF64(bytes) else { return bytes }
        var memory = GuestMemory()
        try memory.load(executable)
        return memory.pages.values.flatMap { $0 }
    }

    private func report(
        _ instants: [UInt64], _ tally: ColdbootTally, _ attack: DRAMAttack, _ scan: ColdbootScan,
        isTruncated: Bool
    ) -> ColdbootReport {
        ColdbootReport(
            record: record.folder.folder.plainPath, freeze: record.image.freeze, instants: instants.count,
            instantsWithinWrite: tally.withinWrite, firstInstant: instants.first ?? 0,
            lastInstant: instants.last ?? 0, isTruncated: isTruncated, seed: options.seed,
            decay: options.decay,
            ramBytes: record.log.header.ram_bytes, searchedPages: scan.searchedPages,
            results: DRAMSearchKind.allCases.map { tally.result($0, sought: attack.sought($0)) })
    }

    package enum Failure: Explained, Equatable {
        case neverBegan
        case unreadable(String)

        package var exitCode: ExitCode {
            switch self {
            case .neverBegan: .badInput
            case .unreadable: .noSuchFile
            }
        }

        package var description: String {
            switch self {
            case .neverBegan:
                "The record ends before any secret came: there is nothing to attack. Record a longer run."
            case .unreadable(let path): "\(path) cannot be read. Check the path and its permissions."
            }
        }
    }
}

/// Counts over instants.
struct ColdbootTally {
    private(set) var withinWrite = 0
    private var instants: [DRAMSearchKind: Int] = [:]
    private var most: [DRAMSearchKind: Int] = [:]
    private var first: [DRAMSearchKind: ColdbootReport.First] = [:]
    private let scan: ColdbootScan

    init(_ scan: ColdbootScan) {
        self.scan = scan
    }

    mutating func count() {
        if scan.view.isWithinWrite { withinWrite += 1 }
        for (kind, standing) in scan.standing where standing > 0 {
            instants[kind, default: 0] += 1
            most[kind] = max(most[kind] ?? 0, standing)
            guard first[kind] == nil, let find = scan.finds.first(where: { $0.kind == kind }) else {
                continue
            }
            first[kind] = ColdbootReport.First(
                instant: scan.view.instant, address: scan.view.log.address(ofFileOffset: find.offset),
                what: find.what)
        }
    }

    func result(_ kind: DRAMSearchKind, sought: Int?) -> ColdbootReport.Result {
        ColdbootReport.Result(
            kind: kind, sought: sought, instants: instants[kind] ?? 0, mostAtOnce: most[kind] ?? 0,
            first: first[kind])
    }
}
