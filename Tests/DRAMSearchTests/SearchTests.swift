import DRAMSearch
import Testing

/// The needles' own copy is the C code's; ours lives as long as this call.
private func search(
    for needles: [[UInt8]], in memory: [UInt8], _ decay: DRAMSearch.decay = decay()
) -> [needle_find]? {
    let flat = needles.flatMap { $0 }
    var at = 0
    return flat.withUnsafeBytes { bytes in
        let list = needles.map { needle in
            defer { at += needle.count }
            return DRAMSearch.needle(bytes: bytes.baseAddress.map { $0 + at }, count: needle.count)
        }
        guard let prepared = needles_create(list, list.count, decay) else { return nil }
        defer { needles_destroy(prepared) }
        return finds(of: needle_find()) { needles_find(prepared, memory, memory.count, $0, $1) }
    }
}

@Suite("Needles") struct NeedleTests {
    @Test("Each of many needles is found at each of its places, at any alignment") func planted() {
        let seed = UInt64.random(in: 1...UInt64.max)
        var random = SeededBytes(seed: seed)
        let needles = (0..<50).map { random.bytes(8 + $0) }
        var memory = random.bytes(65536)
        var places: [[UInt64]] = []
        for (index, needle) in needles.enumerated() {
            for place in [index * 1300 + index % 17, index * 1300 + 900] {
                memory.plant(needle, at: place)
                places.append([UInt64(place), UInt64(index), 0])
            }
        }
        let found = search(for: needles, in: memory)?.map {
            [$0.offset, UInt64($0.needle), UInt64($0.flipped)]
        }
        #expect(found == places, "seed \(seed)")
    }

    @Test("A needle of zeroes and a needle inside another are found too") func overlapping() {
        let zeroes = [UInt8](repeating: 0, count: 8)
        let long = zeroes + [1, 2, 3, 4, 5, 6, 7, 8]
        let found = search(for: [zeroes, long, Array(long.suffix(8))], in: [9] + long + [9])
        #expect(found?.map(\.offset) == [1, 1, 9])
        #expect(found?.map(\.needle) == [0, 1, 2])
    }

    @Test("A decayed needle is found within its budget, and only in its ground's direction")
    func decayed() {
        var random = SeededBytes(seed: 5)
        let needle = random.bytes(32)
        var memory = random.bytes(4096)
        memory.plant(needle.map { $0 & 0xFE }, at: 77)
        let fallen = needle.reduce(0) { $0 + UInt32($1 & 1) }
        #expect(search(for: [needle], in: memory)?.isEmpty == true)
        #expect(search(for: [needle], in: memory, decay(0.1, to: DECAY_TO_0))?.map(\.flipped) == [fallen])
        #expect(search(for: [needle], in: memory, decay(0.1))?.map(\.offset) == [77])
        #expect(search(for: [needle], in: memory, decay(0.1, to: DECAY_TO_1))?.isEmpty == true)
        #expect(search(for: [needle], in: memory, decay(0.01))?.isEmpty == true)
    }

    @Test("A needle too short to mean anything is refused") func short() {
        #expect(search(for: [[1, 2, 3, 4, 5, 6, 7]], in: []) == nil)
    }

    @Test("What is cut off by the end of the memory is not found") func end() {
        let needle = Array("twelve bytes".utf8)
        #expect(search(for: [needle], in: needle)?.count == 1)
        #expect(search(for: [needle], in: Array(needle.dropLast()))?.isEmpty == true)
        #expect(search(for: [needle], in: [])?.isEmpty == true)
    }
}

@Suite("Decay") struct DecayTests {
    @Test(
        "As many cells fall as the probability says, in the ground's direction",
        arguments: zip([DECAY_TO_0, DECAY_TO_1, DECAY_EITHER], [0xFF, 0x00, 0x55] as [UInt8]))
    func rate(ground: decay_ground, fill: UInt8) {
        let before = [UInt8](repeating: fill, count: 1 << 20)
        let after = before.decayed(decay(0.05, to: ground), seed: 3)
        let flips = zip(before, after).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
        // 8 Mi cells: a standard deviation is 631.
        #expect(abs(Double(flips) - 0.05 * 8 * 1_048_576) < 6 * 631)
        #expect(after == before.decayed(decay(0.05, to: ground), seed: 3))
        #expect(after != before.decayed(decay(0.05, to: ground), seed: 4))
    }

    @Test("Cells that lie in their ground state stay") func grounded() {
        let zeroes = [UInt8](repeating: 0, count: 4096)
        #expect(zeroes.decayed(decay(0.2, to: DECAY_TO_0), seed: 1) == zeroes)
    }

    @Test("A cell decays alike, whatever else is read with it") func place() {
        var random = SeededBytes(seed: 9)
        let memory = random.bytes(8192)
        var second = Array(memory[4096...])
        second.withUnsafeMutableBytes { decay_apply(decay(0.1), 7, 4096, $0.baseAddress, $0.count) }
        #expect(second == Array(memory.decayed(decay(0.1), seed: 7)[4096...]))
    }
}

@Suite("Block sets") struct BlockSetTests {
    private func places(_ set: OpaquePointer, _ memory: [UInt8]) -> [UInt64] {
        finds(of: UInt64(0)) { block_set_find(set, memory, memory.count, $0, $1) }
    }

    @Test("A page's blocks are found at any displacement, and forgotten when told") func lookUp() throws {
        let seed = UInt64.random(in: 1...UInt64.max)
        var random = SeededBytes(seed: seed)
        let set = try #require(block_set_create(100_000))
        defer { block_set_destroy(set) }
        let page = random.bytes(4096), other = random.bytes(1_000_000)
        #expect(block_set_add_all(set, page, page.count) && block_set_add_all(set, other, other.count))
        #expect(block_set_count(set) == 256 + 62_500)

        var memory = random.bytes(1 << 20)
        memory.plant(Array(page[100..<300]), at: 70_001)
        // Whole blocks of the page begin at 112, 128, ... 272.
        let wanted = stride(from: 112, through: 272, by: 16).map { UInt64(70_001 - 100 + $0) }
        #expect(places(set, memory) == wanted, "seed \(seed)")
        #expect(block_set_remove_all(set, memory, memory.count) == wanted.count)
        #expect(places(set, memory).isEmpty)
        #expect(places(set, page).count == 256 - wanted.count)
    }

    @Test("Trivial blocks are left out, others are not")
    func trivial() throws {
        let trivial: [[UInt8]] = [
            [UInt8](repeating: 0, count: 16), Array(0..<16), Array("abcdefghabcdefgh".utf8),
            [0x66, 0x2E, 0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0, 0x66, 0x2E, 0x0F, 0x1F, 0x84, 0],
            [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0],
        ]
        for block in trivial { #expect(block_is_trivial(block)) }
        #expect(!block_is_trivial(Array("Linux version 6.".utf8)))
        let set = try #require(block_set_create(10))
        defer { block_set_destroy(set) }
        let memory = trivial.flatMap { $0 } + Array("Linux version 6.".utf8)
        #expect(block_set_add_all(set, memory, memory.count))
        #expect(block_set_count(set) == 1)
    }

    @Test("A full set says so and keeps what it has") func full() throws {
        var random = SeededBytes(seed: 11)
        let set = try #require(block_set_create(100))
        defer { block_set_destroy(set) }
        let memory = random.bytes(16 * 101)
        #expect(!block_set_add_all(set, memory, memory.count))
        #expect(places(set, memory).count == 100)
    }

    @Test("Ciphertext that comes a second time is told, zeroes included", arguments: [16, 64])
    func repeats(stride: Int) throws {
        var random = SeededBytes(seed: 12)
        let set = try #require(block_set_create(1000))
        defer { block_set_destroy(set) }
        var isFull = false
        func repeats(_ memory: [UInt8]) -> [UInt64] {
            finds(of: UInt64(0)) {
                block_set_find_repeats(set, memory, memory.count, stride, $0, $1, &isFull)
            }
        }
        let zeroes = [UInt8](repeating: 0, count: 64), ones = [UInt8](repeating: 0xFF, count: 64)
        let page = random.bytes(4096)
        #expect(repeats(page + zeroes + ones).count == (stride == 16 ? 6 : 0))
        #expect(repeats(random.bytes(1024) + Array(page[64..<128]) + zeroes + ones).first == 1024)
        #expect(!isFull)
        _ = repeats(random.bytes(64 * 1001))
        #expect(isFull)
    }
}

@Suite("Looks of pages") struct PageLookTests {
    @Test("Entropy is that of the histogram")
    func entropy() {
        #expect(page_entropy([UInt8](repeating: 7, count: 4096), 4096) == 0)
        #expect(abs(page_entropy((0..<4096).map { UInt8($0 % 256) }, 4096) - 8) < 1e-9)
        #expect(abs(page_entropy((0..<4096).map { UInt8($0 % 2) }, 4096) - 1) < 1e-9)
    }

    @Test("Blank, random, text and structured pages are told apart") func looks() {
        let seed = UInt64.random(in: 1...UInt64.max)
        var random = SeededBytes(seed: seed)
        let text = Array("A page of a guest's mail, which nobody else should read.\n".utf8)
        #expect(page_look_of([UInt8](repeating: 0, count: 4096)) == LOOK_BLANK)
        #expect(page_look_of([UInt8](repeating: 0xFF, count: 4096)) == LOOK_BLANK)
        #expect(page_look_of((0..<4096).map { text[$0 % text.count] }) == LOOK_TEXT)
        #expect(page_look_of((0..<4096).map { UInt8($0 / 8 % 97) &* 3 & 0x7 }) == LOOK_STRUCTURED)
        for _ in 0..<1000 { #expect(page_look_of(random.bytes(4096)) == LOOK_RANDOM, "seed \(seed)") }
    }

    @Test("Printable runs are told with their lengths, at both ends too") func strings() {
        let memory: [UInt8] =
            Array("at the start".utf8) + [0, 0x80] + Array("short".utf8) + [1] + Array("at the end".utf8)
        let found = finds(of: string_find()) { strings_find(memory, memory.count, 10, $0, $1) }
        #expect(found.map(\.offset) == [0, 20])
        #expect(found.map(\.bytes) == [12, 10])
    }
}
