import FrostCore
import FrostSupport
import Testing

@Suite struct PageTests {
    private let raw: [UInt8]
    private let cipher: FrostCipher
    private let plaintext: [UInt8]
    private let page = page_make(1, 0x12345)
    private let counter: UInt64 = 0x0102_0304_0506_0708
    private var home = [UInt8](repeating: 0, count: 4096)
    private var entry = page_entry()

    init() {
        var random = SplitMix64.announced("PageTests")
        raw = random.bytes(32)
        plaintext = random.bytes(4096)
        cipher = FrostCipher(raw: raw)
        page_seal(cipher.key, page, PAGE_SEALED, counter, plaintext, &home, &entry)
    }

    private func open(
        _ page: page_id, _ entry: page_entry, _ home: [UInt8], with cipher: FrostCipher? = nil
    ) -> (genuine: Bool, slot: [UInt8]) {
        var entry = entry
        var slot = [UInt8](repeating: 0xAA, count: 4096)
        let genuine = page_open((cipher ?? self.cipher).key, page, &entry, home, &slot)
        return (genuine, slot)
    }

    private func expectRefused(_ opened: (genuine: Bool, slot: [UInt8]), _ what: Comment) {
        #expect(!opened.genuine, what)
        #expect(opened.slot.allSatisfy { $0 == 0 }, what)
    }

    @Test("A sealed page opens again")
    func roundTrip() {
        #expect(open(page, entry, home) == (true, plaintext))
        #expect(entry.counter == counter)
        #expect(entry.state == PAGE_SEALED.rawValue)
    }

    @Test("OpenSSL computes the same page from the documented nonce and additional data")
    func standard() {
        let theirs = OpenSSLCipher.seal(
            key: raw, nonce: bytes("00000002 0102030405060708"),
            additional: bytes("4523010000000000 01000000 00000000"), plaintext: plaintext)
        #expect(theirs.ciphertext == home)
        #expect(theirs.tag == withUnsafeBytes(of: entry.tag) { Array($0) })
    }

    @Test("One changed bit of the home is refused")
    func changedHome() {
        for bit in stride(from: 0, to: 8 * 4096, by: 97) {
            var changed = home
            changed[bit / 8] ^= 1 << (bit % 8)
            expectRefused(open(page, entry, changed), "bit \(bit)")
        }
    }

    @Test("One changed bit of tag, counter or state is refused", arguments: [0..<96, 128..<256])
    func changedEntry(bits: Range<Int>) {
        for bit in bits {
            var changed = entry
            withUnsafeMutableBytes(of: &changed) { $0[bit / 8] ^= 1 << (bit % 8) }
            expectRefused(open(page, changed, home), "bit \(bit)")
        }
    }

    @Test("Another page's place, level or index, is refused")
    func changedName() {
        for bit in 0..<page_id(31) {
            expectRefused(open(page ^ 1 << bit, entry, home), "bit \(bit)")
        }
    }

    @Test("Another key is refused")
    func changedKey() {
        for bit in 0..<256 {
            var other = raw
            other[bit / 8] ^= 1 << (bit % 8)
            expectRefused(open(page, entry, home, with: FrostCipher(raw: other)), "bit \(bit)")
        }
    }

    @Test("A page may be opened where its ciphertext lies")
    func inPlace() {
        var memory = home
        var entry = entry
        let genuine = memory.withUnsafeMutableBytes {
            page_open(cipher.key, page, &entry, $0.baseAddress, $0.baseAddress)
        }
        #expect(genuine)
        #expect(memory == plaintext)
    }

    @Test("Equal pages sealed under two counters share no block")
    func equalPlaintexts() {
        var again = [UInt8](repeating: 0, count: 4096)
        var entry = entry
        page_seal(cipher.key, page, PAGE_SEALED, counter + 1, plaintext, &again, &entry)
        let blocks = stride(from: 0, to: 4096, by: 16)
        #expect(blocks.allSatisfy { home[$0..<$0 + 16] != again[$0..<$0 + 16] })
    }
}

@Suite struct GeometryTests {
    @Test(
        "The tree is as high as the covered memory needs",
        arguments: [
            (4096, 1, 1), (128 * 4096, 1, 1), (129 * 4096, 2, 3), (64 << 20, 2, 129),
            (4 << 30, 3, 8192 + 64 + 1), (8 << 30, 3, 16384 + 128 + 1), (16 << 30, 4, 32768 + 256 + 2 + 1),
            (1 << 40, 4, 2_097_152 + 16_384 + 128 + 1),
        ] as [(UInt64, UInt32, UInt64)])
    func height(covered: UInt64, top: UInt32, pages: UInt64) {
        let geometry = page_geometry_make(covered, 1 << 41)
        #expect(geometry.top_level == top)
        #expect(geometry.rom_base == (1 << 41) + pages * 4096)
        #expect(geometry.meta_bytes == pages * 4096 + UInt64(ROM_END - ROM_BASE))
    }

    @Test(
        "No two pages share a home, and none has one in the ROMs",
        arguments: [256 * 4096, 129 * 128 * 4096] as [UInt64])
    func homes(covered: UInt64) {
        var geometry = page_geometry_make(covered, covered)
        var count = covered / 4096
        var homes: Set<UInt64> = []
        var expected = 0
        for level in 0...geometry.top_level {
            for index in 0..<count {
                let page = page_make(level, index), home = page_home(&geometry, page)
                #expect(page_of_home(&geometry, home + 4095) == page)
                #expect(home % 4096 == 0 && home < covered + geometry.meta_bytes)
                #expect(!(UInt64(ROM_BASE)..<UInt64(ROM_END)).contains(home))
                homes.insert(home)
            }
            expected += Int(count)
            count = (count + 127) / 128
        }
        #expect(homes.count == expected)
    }
}
