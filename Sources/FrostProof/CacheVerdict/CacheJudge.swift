import CacheModel
import Foundation
import FrostCore
import FrostFormat
import FrostMachine
import FrostSupport
import ResidencyRecord

/// Judges one recorded run. The same record always gets the same verdict.
///
/// Walks the log three times: for what it says, for what explains each write, and for secrets in each state of DRAM.
package struct CacheJudge {
    private let record: CacheRecord
    private let survey: RecordSurvey
    private let explainer: Explainer
    private let progress: (String) -> Void

    private var faults: [String] = []
    private var evidence: [Condition: Evidence] = [:]
    private var notes: [String] = []
    private var shared: SharedPages?

    package init(_ record: CacheRecord, progress: @escaping (String) -> Void = { _ in }) {
        self.record = record
        self.progress = progress
        survey = RecordSurvey(record.log)
        let map = MemoryMap(record.image.plan, lowRAMBytes: record.log.header.low_ram_bytes)
        explainer = Explainer(map: map, symbols: record.folder.symbols)
        for condition in Condition.allCases { evidence[condition] = Evidence(condition) }
    }

    /// - Throws: ``CacheRecord/Failure`` when a file of the record is missing.
    package mutating func verdict() throws -> CacheVerdict {
        let region = RegionEvidence(survey, explainer: explainer)
        take(region.frozen)
        take(region.writes)
        take(region.fetches)
        judgeIOMMU()
        faults += RecordFaults.all(record, survey)
        if let image = survey.keys[PAGE_IMAGED.rawValue], let session = survey.keys[PAGE_SEALED.rawValue] {
            try judgeBytes(HomeCipher(imageKey: image, sessionKey: session))
        }
        return conclude()
    }

    private mutating func take(_ other: Evidence) {
        evidence[other.condition]?.add(other)
    }

    /// Where the hypervisor claims none, devices are judged by what the machine has.
    private mutating func judgeIOMMU() {
        guard record.devices.dma.kind != .none else { return }
        guard let registers = record.inputs.iommu, !registers.isEmpty else {
            faults.append(
                "The registers of the machine's IOMMU were never read: what devices reach is unknown. Record the run again."
            )
            return
        }
        // Where there is none, that is told.
        guard let region = MappedFile(record.folder.regionEnd) else { return }
        let audit = withExtendedLifetime(region) {
            IOMMUAudit(
                registers, region: UnsafeRawBufferPointer(region.bytes), at: record.image.plan.frozenBase,
                shared: survey.shared
            ) { [explainer] in explainer.place($0) }
        }
        take(audit.evidence)
    }

    // MARK: bytes

    private mutating func judgeBytes(_ cipher: HomeCipher) throws {
        progress("opening the image")
        let content = try ImageContent(record.image, map: explainer.map, cipher: cipher)
        if !content.broken.isEmpty {
            faults.append(
                "Pages of the image that do not open with the key that the run used: \(content.broken.count); the first "
                    + "is \(MemoryMap.describe(content.broken[0])).")
        }
        for counter in content.repeatedCounters {
            evidence[.freshCiphertext]?.add(
                "nonce-repeated", "Two pages of the image are sealed under one nonce: counter \(counter).")
        }
        guard let known = KnownPlaintext(record, survey: survey, image: content),
            let seen = BlockSet(
                capacity: try record.image.payload().count / 16 + survey.writtenBytes / 16 + 1)
        else {
            faults.append("There is not enough memory to judge this record.")
            return
        }
        let search = SecretSearch(
            record.log, explainer: explainer, canaries: record.inputs.canaries,
            keys: SecretKeys([("the image key", cipher.imageKey), ("the session key", cipher.sessionKey)]))
        var canaries: Set<Int> = []

        progress("verifying \(survey.entries.of("home"))")
        let view = try record.replay()
        let ledger = try HomeLedger(
            view: view, explainer: explainer, cipher: cipher, image: record.image, seen: seen
        ) { page in
            known.addPage(page)
            search.canaries(in: page, &canaries)
        }
        walk { transfer, bytes, position, shared in
            view.apply(transfer, bytes)
            ledger.add(transfer, bytes, at: position, shared)
        } entry: {
            ledger.add($0)
        } sharing: {
            ledger.add($0)
        }
        ledger.finish(lastEntry: survey.lastEntry)
        take(ledger)
        try holdAgainstFinal(view)
        if let region = known.regionEnd {
            search.canaries(in: UnsafeRawBufferPointer(region.bytes), &canaries)
            if !search.holdsKeys(UnsafeRawBufferPointer(region.bytes)) {
                faults.append(
                    "The search for keys does not find them in region-end.bin, where they must be: it proves nothing."
                )
            }
        }
        try look(with: search, for: known)
        report(search, known, canaries: canaries.count)
    }

    /// Every instant: DRAM as the log finds it, and after each write.
    private mutating func look(with search: SecretSearch, for known: KnownPlaintext) throws {
        progress("searching DRAM at \((survey.writes + 1).of("instant"))")
        let view = try record.replay()
        let shared = known.publicMemory(of: record, in: view)
        guard let imageBlocks = known.imageBlocks(without: shared) else {
            faults.append("There is not enough memory to judge this record.")
            return
        }
        search.search(view, for: imageBlocks)
        let blocks = known.allBlocks(without: shared, view)
        walk { transfer, bytes, _, shared in
            search.search(view, view.apply(transfer, bytes), for: blocks, by: transfer, shared)
        }
    }

    /// Writes, entries and changes of who may see a page, as far as the log goes.
    private func walk(
        write: (residency_transfer, UnsafeRawBufferPointer, Int, SharedHomes) -> Void,
        entry: (residency_entry) -> Void = { _ in }, sharing: (residency_sharing) -> Void = { _ in }
    ) {
        var records = record.log.records, shared = SharedHomes()
        while true {
            let position = records.position
            // What cannot be read is a fault already.
            guard let next = try? records.next() else { return }
            switch next {
            case .write(let transfer, let bytes): write(transfer, bytes, position, shared)
            case .entry(let body): entry(body)
            case .sharing(let change):
                shared.follow(change)
                sharing(change)
            default: break
            }
        }
    }

    // MARK: what comes of it

    /// The plugin kept DRAM as it went; base and writes must give the same.
    private mutating func holdAgainstFinal(_ view: DRAMReplay) throws {
        let file = record.folder.dramFinal
        guard let final = MappedFile(file) else { throw CacheRecord.Failure.missing(file.plainPath) }
        guard let first = view.differences(from: final).first else { return }
        let address = record.log.address(ofFileOffset: first)
        faults.append(
            "The record contradicts itself: dram-base.bin with all writes of the log is not dram-final.bin, first "
                + "at \(address.hexadecimal).")
    }

    private mutating func take(_ ledger: HomeLedger) {
        take(ledger.writes)
        take(ledger.freshness)
        evidence[.accountedWrites]?.figures += [
            "\(survey.writes.of("write")) of \(survey.writtenBytes.of("byte"))",
            "\(ledger.verified.of("home")) verified by OpenSSL",
            "\(ledger.erasedBytes.of("byte")) erased", "\(ledger.firmwareBytes) in the firmware's memory",
        ]
        if survey.shared.pages > 0 {
            shared = SharedPages(
                pages: survey.shared.pages, most: survey.shared.most, takenBack: survey.shared.takenBack,
                givenBytes: ledger.givenBytes, deviceBytes: ledger.deviceBytes)
        }
        if ledger.unfinished > 0 {
            evidence[.accountedWrites]?.figures.append("\(ledger.unfinished.of("home")) cut off by the end")
        }
        evidence[.freshCiphertext]?.figures = [
            "\(ledger.blocks.of("block")) of ciphertext compared", "\(ledger.verified.of("nonce"))",
        ]
    }

    private mutating func report(_ search: SecretSearch, _ known: KnownPlaintext, canaries: Int) {
        take(search.secrets)
        take(search.keys)
        let instants = (survey.writes + 1).of("instant")
        evidence[.noSecret]?.figures = [
            instants, "\(known.blocks) different blocks of plaintext",
            record.inputs.canaries.count.of("canary", "canaries"),
        ]
        evidence[.noKey]?.figures = [instants, "\(search.searchedBytes.of("byte")) searched"]
        notes.append(record.inputs.cipherText)
        notes += CacheVerdictText.refused(survey)
        if record.image.cache != .cpu {
            notes.append(
                "The image is for emulators: it starts on a CPU whose cache the region does not fit too.")
        }
        if canaries < record.inputs.canaries.count {
            notes.append(
                """
                Of \(record.inputs.canaries.count) canaries, \(canaries) were seen inside of the CPU: the \
                guest may never have had the others.
                """)
        }
        notes.append(
            """
            \(known.publicBlocks) blocks of the guest's memory stood in DRAM before there was a key, or are \
            public: they are not looked for.
            """)
        if search.foreignSchedules > 0 {
            notes.append(
                "\(search.foreignSchedules.of("expanded AES key")) of the firmware's stood in DRAM before there was a key."
            )
        }
    }

    private func conclude() -> CacheVerdict {
        let findings = Condition.allCases.compactMap { evidence[$0]?.finding }
        let answer: CacheVerdict.Answer =
            findings.contains { $0.holds == false }
            ? .leaked : faults.isEmpty && findings.allSatisfy { $0.holds == true } ? .proven : .notProvable
        return CacheVerdict(
            answer: answer, findings: findings, faults: faults, model: CacheVerdict.Model(record.log.header),
            coverage: CacheVerdictText.coverage(survey),
            limits: CacheVerdictText.limits + record.devices.limits,
            notes: notes + (shared.map { ["\($0)"] } ?? []), shared: shared)
    }
}
