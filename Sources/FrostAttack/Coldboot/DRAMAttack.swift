import DRAMSearch
import Foundation
import FrostImage
import FrostProof
import FrostSupport

/// All searches of a cold-boot attacker, over one page, or over the border between two.
///
/// Each answer follows from the bytes given and from nothing else: that is what lets ``ColdbootScan`` keep answers.
final class DRAMAttack {
    let decay: DRAMSearch.decay
    private let canaries: [Canary]
    private let keyNames: [String]
    private let needles: Needles
    private let blocks: BlockSet
    private let shortestString: Int
    private var schedules = [key_find](repeating: key_find(), count: 64)
    private var strings = [string_find](repeating: string_find(), count: 512)

    /// In random memory a run of this many printable characters comes once in 80,000 GiB.
    static let shortestString = 32

    init(
        canaries: [Canary], keys: SecretKeys, blocks: BlockSet, decay: DRAMSearch.decay = DRAMSearch.decay()
    ) {
        (self.canaries, self.blocks, self.decay, keyNames) = (canaries, blocks, decay, keys.names)
        needles = Needles(canaries.map(\.bytes) + keys.blocks, decay: decay)
        shortestString = Self.shortestString
    }

    /// How many there are to look for; nil where that has no meaning.
    func sought(_ kind: DRAMSearchKind) -> Int? {
        switch kind {
        case .canaries: canaries.count
        case .blocks: blocks.count
        case .keys: keyNames.count
        case .strings, .schedules: nil
        }
    }

    /// What stands in `bytes`, whole, and over their offset `border` if one is given.
    ///
    /// - Parameters:
    ///   - start: offset of the first byte in the files of DRAM
    ///   - base: the same bytes before there was any secret. A string or an expanded key that stood there, and stands there
    ///     still, is no secret; everything else counts
    func finds(
        in bytes: UnsafeRawBufferPointer, at start: Int, base: UnsafeRawBufferPointer, over border: Int? = nil
    ) -> [DRAMFind] {
        func counts(_ offset: Int, _ count: Int) -> Bool {
            border.map { offset < $0 && offset + count > $0 } ?? true
        }
        return needleFinds(bytes, start, counts) + blockFinds(bytes, start, counts)
            + scheduleFinds(bytes, start, base, counts) + stringFinds(bytes, start, base, counts)
    }

    /// The longest find, in bytes; of a longer string, its first ones.
    var longest: Int {
        max(needles.longest, Int(KEY_SCHEDULE_BYTES_MAX), shortestString)
    }

    private func needleFinds(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ counts: (Int, Int) -> Bool
    ) -> [DRAMFind] {
        needles.find(in: bytes).filter { counts($0.offset, needles.list[$0.needle].count) }.map { find in
            let isCanary = find.needle < canaries.count
            return DRAMFind(
                kind: isCanary ? .canaries : .keys, offset: start + find.offset,
                what: isCanary ? "\(canaries[find.needle])" : keyNames[find.needle - canaries.count])
        }
    }

    private func blockFinds(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ counts: (Int, Int) -> Bool
    ) -> [DRAMFind] {
        let offsets = blocks.finds(in: bytes).filter { counts($0, Int(BLOCK_BYTES)) }
        guard let first = offsets.first else { return [] }
        let block = [UInt8](bytes[first..<first + Int(BLOCK_BYTES)])
        return [
            DRAMFind(
                kind: .blocks, offset: start + first, count: offsets.count,
                what: "of the guest: \(block.hexadecimal)")
        ]
    }

    private func scheduleFinds(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ base: UnsafeRawBufferPointer,
        _ counts: (Int, Int) -> Bool
    ) -> [DRAMFind] {
        let count = key_schedules_find(decay, bytes.baseAddress, bytes.count, &schedules, schedules.count)
        return schedules.prefix(count).filter { find in
            let place = Int(find.offset)..<Int(find.offset) + key_schedule_bytes(find.key_bytes)
            return counts(place.lowerBound, place.count) && !bytes[place].elementsEqual(base[place])
        }.map { find in
            let key = withUnsafeBytes(of: find.key) { Array($0.prefix(Int(find.key_bytes))) }
            let state =
                find.is_recovered == 0
                ? "too decayed to be read" : "key \(key.hexadecimal), \(find.flipped) bits mended"
            return DRAMFind(
                kind: .schedules, offset: start + Int(find.offset),
                what: "AES-\(find.key_bytes * 8): \(state)")
        }
    }

    private func stringFinds(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ base: UnsafeRawBufferPointer,
        _ counts: (Int, Int) -> Bool
    ) -> [DRAMFind] {
        let count = strings_find(bytes.baseAddress, bytes.count, shortestString, &strings, strings.count)
        let found = strings.prefix(count).map { Int($0.offset)..<Int($0.offset + $0.bytes) }.filter {
            counts($0.lowerBound, $0.count) && !bytes[$0].elementsEqual(base[$0])
        }
        guard let first = found.first else { return [] }
        let text = String(decoding: bytes[first].prefix(64), as: UTF8.self)
            .replacing("\n", with: " ").replacing("\r", with: " ").replacing("\t", with: " ")
        return [
            DRAMFind(
                kind: .strings, offset: start + first.lowerBound, count: found.count, what: "\"\(text)\"")
        ]
    }
}
