import DRAMSearch
import FrostCore
import FrostImage
import FrostMachine
import FrostSupport
import ResidencyRecord

/// Looks for secrets in DRAM at every instant: in all of it as it was at first, then around each write.
///
/// DRAM changes by writes only, so what stands in none of these places stood there at no time.
final class SecretSearch {
    private(set) var secrets = Evidence(.noSecret)
    private(set) var keys = Evidence(.noKey)
    private(set) var searchedBytes = 0
    /// Expanded keys that stood in DRAM when the log begins. There was no key of ours yet: the firmware's.
    private(set) var foreignSchedules = 0

    private let explainer: Explainer
    private let log: ResidencyLog
    private let canaries: [Canary]
    private let keyNames: [String]
    private let needles: Needles
    /// At the instant that is looked at.
    private var shared = SharedHomes()
    /// How far beside a write something may begin or end that the write completed.
    private let reach: Int
    private var schedules = [key_find](repeating: key_find(), count: 16)

    init(_ log: ResidencyLog, explainer: Explainer, canaries: [Canary], keys: SecretKeys) {
        (self.log, self.explainer, self.canaries, keyNames) = (log, explainer, canaries, keys.names)
        needles = Needles(canaries.map(\.bytes) + keys.blocks)
        reach = max(needles.longest, Int(KEY_SCHEDULE_BYTES_MAX), Int(BLOCK_BYTES)) - 1
    }

    /// All of DRAM.
    /// - Parameter blocks: what must not stand outside of the firmware's memory.
    func search(_ view: DRAMReplay, for blocks: BlockSet) {
        for extent in view.file.extents {
            let start = max(0, extent.lowerBound - reach)
            let end = min(view.file.bytes.count, extent.upperBound + reach)
            search(view.file.slice(start..<end), at: start, touching: extent, for: blocks, by: nil)
        }
    }

    /// What a write may have completed; the view has it already, in `range` of its file.
    func search(
        _ view: DRAMReplay, _ range: Range<Int>, for blocks: BlockSet, by transfer: residency_transfer,
        _ shared: SharedHomes
    ) {
        self.shared = shared
        let start = max(0, range.lowerBound - reach)
        let end = min(view.file.bytes.count, range.upperBound + reach)
        search(view.file.slice(start..<end), at: start, touching: range, for: blocks, by: transfer)
    }

    /// Adds the canaries that stand in something that was in the clear inside of the CPU, by their numbers.
    func canaries(in bytes: UnsafeRawBufferPointer, _ found: inout Set<Int>) {
        guard found.count < canaries.count else { return }
        for needle in known(in: bytes) where needle < canaries.count { found.insert(needle) }
    }

    /// Whether any block of the keys stands there: the search's own control.
    func holdsKeys(_ bytes: UnsafeRawBufferPointer) -> Bool {
        known(in: bytes).contains { $0 >= canaries.count }
    }

    /// In parts, since of many finds only the first are told.
    private func known(in bytes: UnsafeRawBufferPointer) -> Set<Int> {
        let part = 1024
        var known: Set<Int> = []
        for start in stride(from: 0, to: bytes.count, by: part) {
            let end = min(bytes.count, start + part + needles.longest - 1)
            known.formUnion(
                needles.find(in: UnsafeRawBufferPointer(rebasing: bytes[start..<end])).map(\.needle))
        }
        return known
    }

    // MARK: one buffer

    private func search(
        _ bytes: UnsafeRawBufferPointer, at start: Int, touching range: Range<Int>, for blocks: BlockSet,
        by transfer: residency_transfer?
    ) {
        searchedBytes += bytes.count
        func isTouched(_ offset: Int, _ count: Int) -> Bool {
            start + offset < range.upperBound && start + offset + count > range.lowerBound
        }
        for find in needles.find(in: bytes) where isTouched(find.offset, needles.list[find.needle].count) {
            add(find, at: start, by: transfer)
        }
        for offset in blocks.finds(in: bytes) where isTouched(offset, Int(BLOCK_BYTES)) {
            let address = log.address(ofFileOffset: start + offset)
            guard !explainer.map.isFirmware(address) else { continue }
            // Given away, unless it is the hypervisor that wrote it.
            if transfer?.mode != MODE_HOST, shared.hold(address..<address + UInt64(BLOCK_BYTES)) { continue }
            secrets.add("plaintext-block", "16 bytes of the guest's memory stood in DRAM in the clear.") {
                tell(&$0, address, transfer)
            }
        }
        let count = key_schedules_find(decay(), bytes.baseAddress, bytes.count, &schedules, schedules.count)
        for find in schedules.prefix(count) {
            let length = key_schedule_bytes(find.key_bytes)
            guard isTouched(Int(find.offset), length) else { continue }
            guard transfer != nil else {
                foreignSchedules += 1
                continue
            }
            keys.add("key-schedule", "An expanded key of AES-\(find.key_bytes * 8) stood in DRAM.") {
                tell(&$0, log.address(ofFileOffset: start + Int(find.offset)), transfer)
            }
        }
    }

    private func add(_ find: Needles.Find, at start: Int, by transfer: residency_transfer?) {
        let address = log.address(ofFileOffset: start + find.offset)
        if find.needle < canaries.count {
            secrets.add("canary", "The canary \(canaries[find.needle]) stood in DRAM.") {
                tell(&$0, address, transfer)
            }
        } else {
            keys.add("key-material", "\(keyNames[find.needle - canaries.count]) stood in DRAM.") {
                tell(&$0, address, transfer)
            }
        }
    }

    private func tell(_ violation: inout Violation, _ address: UInt64, _ transfer: residency_transfer?) {
        violation.address = address
        violation.place = explainer.place(address)
        if shared.hold(address..<address + 1) { violation.sentence += " The guest had shared this page." }
        guard let transfer else {
            violation.instant = nil
            violation.sentence += " It was there when the log of writes begins."
            return
        }
        violation.instant = transfer.record.instant
        violation.instruction = explainer.instruction(transfer.rip, transfer.mode)
    }
}
