import DRAMSearch
import FrostCore
import FrostFormat
import FrostMachine
import FrostSupport
import ResidencyRecord

/// Holds each write to DRAM against what explains it.
///
/// A write to a home waits for the entry that describes the home, and is explained when the whole home then verifies.
/// It must have been written once only: what was overwritten before that cannot be verified. What the guest or a device
/// writes to a page that the guest shares is given away.
final class HomeLedger {
    private(set) var writes = Evidence(.accountedWrites)
    private(set) var freshness = Evidence(.freshCiphertext)
    private(set) var verified = 0
    private(set) var erasedBytes = 0
    private(set) var firmwareBytes = 0
    /// To shared pages: by the guest, by devices.
    private(set) var givenBytes = 0
    private(set) var deviceBytes = 0
    /// Homes that were being written when the run ended.
    private(set) var unfinished = 0
    /// Of ciphertext, held against all others.
    var blocks: Int { seen.count }

    private let view: DRAMReplay
    private let map: MemoryMap
    private let explainer: Explainer
    private let cipher: HomeCipher
    private var waiting: [UInt64: [Piece]] = [:]
    private var counters: Set<UInt64> = []
    private let seen: BlockSet
    /// Told each page that verified, in the clear.
    private let opened: (UnsafeRawBufferPointer) -> Void

    private struct Piece {
        var transfer: residency_transfer
        /// Offset in the log.
        var position: Int
        var bytes: Range<UInt64>
    }

    /// The pages of the longest instruction, with the metadata pages above them, and then some.
    private static let unfinishedAtMost = 32

    /// - Parameter seen: has room for each block of `image` and of each write.
    init(
        view: DRAMReplay, explainer: Explainer, cipher: HomeCipher, image: BootImage, seen: BlockSet,
        opened: @escaping (UnsafeRawBufferPointer) -> Void
    ) throws {
        (self.view, self.cipher, self.seen, self.opened) = (view, cipher, seen, opened)
        (self.explainer, map) = (explainer, explainer.map)
        let repeats = try image.payload().withUnsafeBytes { seen.repeats(in: $0) }
        if let repeats {
            freshness.add(
                "ciphertext-repeated", times: repeats.count,
                "Two blocks of the image's ciphertext are the same; one stands at its byte \(repeats.first).")
        }
    }

    // MARK: what happened

    /// A write that the view has been given already.
    func add(
        _ transfer: residency_transfer, _ bytes: UnsafeRawBufferPointer, at position: Int,
        _ shared: SharedHomes
    ) {
        let page = UInt64(PAGE_BYTES)
        var start = transfer.address
        let end = start + UInt64(bytes.count)
        while start < end {
            let next = min(end, (start / page + 1) * page)
            let from = Int(start - transfer.address)
            let part = UnsafeRawBufferPointer(rebasing: bytes[from..<from + Int(next - start)])
            add(Piece(transfer: transfer, position: position, bytes: start..<next), part, shared)
            start = next
        }
    }

    private func add(_ piece: Piece, _ bytes: UnsafeRawBufferPointer, _ shared: SharedHomes) {
        if shared.hold(piece.bytes) {
            switch piece.transfer.mode {
            case MODE_GUEST:
                givenBytes += bytes.count
                return
            case MODE_DEVICE:
                deviceBytes += bytes.count
                return
            default: break
            }
        }
        let place = map.place(of: piece.bytes.lowerBound)
        guard place != .firmware else {
            firmwareBytes += bytes.count
            if piece.transfer.mode == MODE_HOST {
                addViolation("unknown-buffer", piece, "The hypervisor wrote to memory of the firmware.")
            }
            return
        }
        if piece.transfer.mode == MODE_UNSEEN || piece.transfer.mode == MODE_DEVICE {
            addViolation("unseen-store", piece, "DRAM changed, and no access of the CPU was reported.")
        }
        if case .region = place {
            let kind = piece.transfer.kind == BUS_WRITE_BACK ? "A line of" : "Something written to"
            addViolation("region-write", piece, "\(kind) the frozen region reached DRAM.")
            return
        }
        guard !bytes.isZero else {
            erasedBytes += bytes.count
            return
        }
        guard case .home = place else {
            addViolation(
                "unknown-buffer", piece, "This memory is no page's home and no declared public buffer.")
            return
        }
        waiting[piece.bytes.lowerBound / UInt64(PAGE_BYTES) * UInt64(PAGE_BYTES), default: []].append(piece)
        look(forRepeatsIn: bytes, piece)
    }

    /// Only a page of its own is the guest's to share.
    func add(_ change: residency_sharing) {
        if case .home(let page) = map.place(of: change.home), page_level(page) == 0,
            map.home(of: page) == change.home
        {
            return
        }
        writes.add("shared-unasked", "What is no page of the guest's became shared.") {
            $0.instant = change.record.instant
            $0.address = change.home
            $0.place = explainer.place(change.home)
        }
    }

    func add(_ entry: residency_entry) {
        guard let pieces = waiting.removeValue(forKey: entry.home), let first = pieces.first else { return }
        guard map.home(of: entry.page) == entry.home, entry.entry.state == PAGE_SEALED.rawValue,
            let ciphertext = view.page(at: entry.home),
            let plaintext = cipher.open(entry.page, entry.entry, ciphertext: ciphertext)
        else {
            addViolation("wrong-tag", first, "A home was written whose tag does not verify.")
            return
        }
        if let lost = Self.overwritten(pieces) {
            addViolation(
                "overwritten", lost, "A home was written, and written again before an entry described it.")
        }
        if !counters.insert(entry.entry.counter).inserted {
            freshness.add(
                "nonce-repeated",
                "A page was sealed with a nonce that was used before: seal counter \(entry.entry.counter).",
                complete: { tell(&$0, first) })
        }
        verified += 1
        plaintext.withUnsafeBytes { opened($0) }
    }

    /// After the last record. What waits still must have been cut off by the end of the run.
    func finish(lastEntry: Int) {
        let pieces = waiting.values.compactMap(\.first).sorted { $0.position < $1.position }
        waiting = [:]
        let late = pieces.filter { $0.position > lastEntry }
        unfinished = late.count
        for piece in pieces where piece.position <= lastEntry || unfinished > Self.unfinishedAtMost {
            addViolation(
                "never-described", piece, "A home was written, and no entry of the tree describes it.")
        }
        if unfinished > Self.unfinishedAtMost { unfinished = 0 }
        for piece in late.prefix(unfinished) {
            let bytes = view.bytes(at: piece.bytes)
            let isPlain = stride(from: 0, to: bytes.count - 15, by: 16).contains { at in
                bytes[at..<at + 16].withUnsafeBytes {
                    block_is_trivial($0.bindMemory(to: UInt8.self).baseAddress)
                }
            }
            if isPlain {
                addViolation(
                    "unfinished-plain", piece, "A home was being written at the end, with no ciphertext.")
            }
        }
    }

    // MARK: details

    /// A piece that a later one covers in part; nil when each byte was written once.
    private static func overwritten(_ pieces: [Piece]) -> Piece? {
        guard pieces.count > 1 else { return nil }
        let sorted = pieces.sorted { $0.bytes.lowerBound < $1.bytes.lowerBound }
        return zip(sorted, sorted.dropFirst()).first { $0.bytes.upperBound > $1.bytes.lowerBound }
            .map { $0.position <= $1.position ? $0 : $1 }
    }

    private func look(forRepeatsIn bytes: UnsafeRawBufferPointer, _ piece: Piece) {
        let block = UInt64(BLOCK_BYTES)
        let start = (piece.bytes.lowerBound + block - 1) / block * block
        guard start + block <= piece.bytes.upperBound else { return }
        let aligned = UnsafeRawBufferPointer(rebasing: bytes[Int(start - piece.bytes.lowerBound)...])
        guard let repeats = seen.repeats(in: aligned) else { return }
        freshness.add(
            "ciphertext-repeated", times: repeats.count,
            "A block of ciphertext was written that had been seen before."
        ) {
            tell(&$0, piece)
            $0.address = start + UInt64(repeats.first)
        }
    }

    private func addViolation(_ rule: String, _ piece: Piece, _ sentence: String) {
        writes.add(rule, sentence) { tell(&$0, piece) }
    }

    private func tell(_ violation: inout Violation, _ piece: Piece) {
        violation.instant = piece.transfer.record.instant
        violation.address = piece.bytes.lowerBound
        violation.place = explainer.place(piece.bytes.lowerBound)
        violation.instruction = explainer.instruction(piece.transfer.rip, piece.transfer.mode)
    }
}
