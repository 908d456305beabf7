import DRAMSearch
import Testing

@Suite("Key schedules") struct KeyScheduleTests {
    /// FIPS 197, appendix A.1 and A.3: the keys, and the words that the tables end with.
    static let published: [(key: String, last: String)] = [
        ("2b7e151628aed2a6abf7158809cf4f3c", "d014f9a8c9ee2589e13f0cc8b6630ca6"),
        (
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "fe4890d1e6188d0b046df344706c631e"
        ),
    ]
    static let layouts = [
        KEY_FORWARD, KEY_FORWARD_SWAPPED, KEY_REVERSED, KEY_REVERSED_SWAPPED, KEY_INVERSE,
        KEY_INVERSE_SWAPPED,
    ]

    @Test("Expansions are those of FIPS 197", arguments: published)
    func expansion(vector: (key: String, last: String)) {
        let whole = schedule([UInt8](hex: vector.key))
        #expect(Array(whole.suffix(16)) == [UInt8](hex: vector.last))
        #expect(Array(whole.prefix(vector.key.count / 2)) == [UInt8](hex: vector.key))
    }

    /// FIPS 197, section 5.3.5, applied to appendix A.1's key; the second round key as AESIMC gives it.
    @Test("A decryption schedule is the reversed one, its inner round keys through InvMixColumns")
    func inverse() {
        let key = [UInt8](hex: Self.published[0].key)
        let inverse = schedule(key, KEY_INVERSE), forward = schedule(key)
        #expect(Array(inverse.prefix(16)) == Array(forward.suffix(16)))
        #expect(Array(inverse.suffix(16)) == key)
        #expect(Array(inverse[144..<160]) == [UInt8](hex: "2b3708a7f262d405bc3ebdbf4b617d62"))
    }

    @Test("A schedule is found at any alignment, in any layout, and its key told", arguments: layouts)
    func planted(layout: key_layout) {
        let seed = UInt64.random(in: 1...UInt64.max)
        var random = SeededBytes(seed: seed)
        for bytes in [16, 32] {
            for offset in [0, 1, 7, 12, 100, 4096 - 5, 8192 - key_schedule_bytes(UInt32(bytes))] {
                let key = random.bytes(bytes)
                var memory = random.bytes(8192)
                memory.plant(schedule(key, layout), at: offset)
                let found = keySchedules(in: memory)
                #expect(found.map(\.offset) == [UInt64(offset)], "seed \(seed)")
                #expect(found.first?.keyBytes == key, "seed \(seed)")
                #expect(found.first?.layout == layout, "seed \(seed)")
            }
        }
    }

    /// The search gives up on a schedule whose decay is far above the average, so it is held to a share.
    @Test(
        "Decayed schedules are found, and their keys mended",
        arguments: [(0.01, DECAY_EITHER), (0.02, DECAY_EITHER), (0.05, DECAY_TO_0), (0.05, DECAY_TO_1)])
    func decayed(probability: Double, ground: decay_ground) {
        let seed = UInt64.random(in: 1...UInt64.max)
        var random = SeededBytes(seed: seed)
        let decay = decay(probability, to: ground)
        var planted = 0, found = 0, mended = 0
        for _ in 0..<8 {
            for layout in Self.layouts {
                for bytes in [16, 32] {
                    let key = random.bytes(bytes)
                    var memory = random.bytes(4096)
                    memory.plant(schedule(key, layout), at: 1001)
                    let finds = keySchedules(in: memory.decayed(decay, seed: random.next()), decay)
                    planted += 1
                    found += finds.map(\.offset) == [1001] ? 1 : 0
                    mended += finds.first?.is_recovered == 1 && finds.first?.keyBytes == key ? 1 : 0
                }
            }
        }
        print("decay \(probability): \(found) of \(planted) found, \(mended) mended, seed \(seed)")
        #expect(found * 10 >= planted * 9, "seed \(seed)")
        #expect(mended * 10 >= planted * 9, "seed \(seed)")
    }

    @Test("A flipped bit hides a schedule from the exact search, and not from the tolerant one")
    func toleranceIsNeeded() {
        var random = SeededBytes(seed: 1)
        var memory = random.bytes(4096)
        memory.plant(schedule(random.bytes(32)), at: 333)
        memory[340] ^= 4
        #expect(keySchedules(in: memory).isEmpty)
        #expect(keySchedules(in: memory, decay(0.01)).map(\.flipped) == [1])
    }

    @Test("Random, blank and repeating memory holds no schedule", arguments: [0, 0.01, 0.05])
    func nothing(probability: Double) {
        let seed = UInt64.random(in: 1...UInt64.max)
        var random = SeededBytes(seed: seed)
        let pattern = random.bytes(16)
        let memories: [[UInt8]] = [
            random.bytes(1 << 20),
            [UInt8](repeating: 0, count: 65536),
            [UInt8](repeating: 0x52, count: 65536),
            (0..<65536).map { pattern[$0 % 16] },
            (0..<65536).map { UInt8($0 / 16 & 0xFF) },
        ]
        for memory in memories {
            #expect(keySchedules(in: memory, decay(probability)).isEmpty, "seed \(seed)")
        }
        let noise = [UInt8](repeating: 0, count: 65536).decayed(decay(probability), seed: seed)
        #expect(keySchedules(in: noise, decay(probability)).isEmpty, "seed \(seed)")
    }

    @Test("What is cut off by the end of the memory is not read")
    func end() {
        let whole = schedule([UInt8](hex: Self.published[1].key))
        #expect(keySchedules(in: whole).count == 1)
        #expect(keySchedules(in: Array(whole.dropLast())).isEmpty)
        #expect(keySchedules(in: []).isEmpty)
    }
}

@Suite("Hash keys") struct HashKeyTests {
    /// The GCM specification's test case 2 (McGrew, Viega, 2005): the zero key of AES-128.
    @Test("H is the encryption of the zero block") func hashKey() {
        var h = [UInt8](repeating: 0, count: 16)
        ghash_key([UInt8](repeating: 0, count: 16), 16, &h)
        #expect(h == [UInt8](hex: "66e94bd4ef8a2c3b884cfa59ca342b2e"))
    }

    /// The same test case's GHASH: one block of ciphertext, no additional data.
    @Test("Products are those of GCM's field") func products() {
        let h = [UInt8](hex: "66e94bd4ef8a2c3b884cfa59ca342b2e")
        var ciphertext = [UInt8](hex: "0388dace60b6a392f328c2b971b2fe78")
        var lengths = [UInt8](repeating: 0, count: 15) + [0x80]
        var powers = [UInt8](repeating: 0, count: 32)
        ghash_powers(h, 2, &powers)
        ghash_multiply(&ciphertext, Array(powers[16..<32]))
        ghash_multiply(&lengths, Array(powers[0..<16]))
        #expect(zip(ciphertext, lengths).map { $0 ^ $1 } == [UInt8](hex: "f38cbb1ad69223dcc3457ae5b6b0f885"))
    }
}
