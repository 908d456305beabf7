import Foundation
import FrostCore
@testable import FrostFormat
@testable import FrostImage
import FrostSamples
import FrostSupport
import Testing

@Suite struct BootImageTests {
    @Test("What was sealed is found again, page by page, from the root down")
    func roundTrip() throws {
        let sample = try SampleImage()
        let image = try BootImage(reading: sample.file)
        let key = try #require(ImageKey.unwrap(image.header, passphrase: nil))
        #expect(key == sample.key.raw)
        let walk = TreeWalk(image, payload: try image.payload(), key: key)
        #expect(walk.refused.isEmpty)
        #expect(walk.guestPages.keys.sorted() == sample.guest.memory.filledIndexes)
        for (index, page) in walk.guestPages { #expect(page == sample.guest.memory.pages[index]) }
    }

    @Test("No nonce comes twice under an image's key")
    func nonces() throws {
        let sample = try SampleImage()
        let image = try BootImage(reading: sample.file)
        let walk = TreeWalk(image, payload: try image.payload(), key: sample.key.raw)
        #expect(walk.counters.count == image.runs.reduce(0) { $0 + Int($1.pages) })
        #expect(Set(walk.counters).count == walk.counters.count)
        #expect(walk.counters.min() == 1)
    }

    @Test("The header says what was asked for")
    func header() throws {
        let sample = try SampleImage()
        let image = try BootImage(reading: sample.file)
        #expect(image.header.slot_limit == 99)
        #expect(image.header.trace_every == 16)
        #expect(image.header.entry == 0x10_0010)
        #expect(image.header.stack == 0x80000)
        #expect(image.header.cr3 == 0x10000)
        #expect(image.header.loader_sectors == 2)
        #expect(image.header.efi_lba == 141 && image.header.efi_sectors == 2)
        #expect(image.header.hypervisor_lba == 151)
        #expect(image.header.payload_lba == 167)
        #expect(image.freeze == .fit && image.engine == .any && image.policy == .gclockAhead)
    }

    @Test("No page of the guest, and no key, stands in the image in the clear")
    func ciphertextOnly() throws {
        let sample = try SampleImage(key: .passphrase(Passphrase("ice"), iterations: 1000))
        let file = Data(try sample.bytes)
        #expect(file.range(of: Data(sample.key.raw)) == nil)
        #expect(file.range(of: Data(repeating: 5, count: 16)) == nil)
        #expect(file.range(of: Data(Array(1...16))) == nil)
    }

    @Test("Two images of one guest share no page of ciphertext")
    func freshKeys() throws {
        let (first, second) = (try SampleImage(), try SampleImage())
        let pages = try [first, second].map { try BootImage(reading: $0.file).payload() }.map { payload in
            Set(stride(from: 0, to: payload.count, by: 4096).map { Array(payload[$0..<$0 + 4096]) })
        }
        #expect(pages[0].isDisjoint(with: pages[1]))
    }

    @Test("A page changed in the payload, or swapped with another, fails its tag and nothing else does")
    func tampering() throws {
        let sample = try SampleImage()
        let image = try BootImage(reading: sample.file)
        let payload = try image.payload()
        var changed = payload
        changed[4096 + 17] ^= 1
        #expect(TreeWalk(image, payload: changed, key: sample.key.raw).refused.count == 1)
        var swapped = payload
        swapped.replaceSubrange(0..<4096, with: payload[4096..<8192])
        swapped.replaceSubrange(4096..<8192, with: payload[0..<4096])
        #expect(TreeWalk(image, payload: swapped, key: sample.key.raw).refused.count == 2)
    }

    @Test("The passphrase opens the image key; another one does not, nor a changed header")
    func passphrase() throws {
        let sample = try SampleImage(key: .passphrase(Passphrase("ice"), iterations: 1000))
        var header = try BootImage(reading: sample.file).header
        #expect(ImageKey.unwrap(header, passphrase: try Passphrase("ice")) == sample.key.raw)
        #expect(ImageKey.unwrap(header, passphrase: try Passphrase("Ice")) == nil)
        header.slot_limit += 1
        #expect(ImageKey.unwrap(header, passphrase: try Passphrase("ice")) == nil)
    }

    @Test("A header with any byte changed is refused")
    func damagedHeader() throws {
        let sample = try SampleImage()
        // Without the padding behind the payload: it is written thousands of times.
        let image = try BootImage(reading: sample.file)
        let good = Array(try sample.bytes.prefix(Int(image.header.payload_lba) * 512 + image.payload().count))
        for offset in stride(from: 512, to: 512 + 4096, by: 1) {
            // Every byte of the fields; of the unused rest, one in 16.
            guard offset < 512 + 2400 || offset.isMultiple(of: 16) || offset >= 512 + 4092 else { continue }
            var bad = good
            bad[offset] ^= 0x10
            try sample.replace(bad)
            #expect(throws: BootImage.Failure.self) { try BootImage(reading: sample.file) }
        }
    }

    @Test(
        "A forged header is refused even when its checksum is right",
        arguments: [
            { $0.run_count = 129 }, { $0.loader_sectors = 0 }, { $0.hypervisor_lba += 1 },
            { $0.payload_lba -= 1 },
            { $0.hypervisor_sectors = .max }, { $0.ram_bytes += 1 << 20 }, { $0.frozen_base -= 2 << 20 },
            { $0.frozen_bytes = 0 }, { $0.meta_base += 4096 }, { $0.meta_bytes += 4096 },
            { $0.covered_bytes /= 2 },
            { $0.freeze = 9 }, { $0.engine = 9 }, { $0.policy = 0 }, { $0.key_source = 3 }, { $0.guest = 0 },
            { $0.runs.0.home = 0 }, { $0.runs.0.home += 1 }, { $0.runs.1.home = 0x60000 },
            { $0.runs.1.home = 0x5F000 },
            { $0.runs.0.pages = .max },
            { $0.runs.0.pages = 0 }, { $0.runs.1.home = $0.runs.0.home }, { $0.runs.0.home = .max - 4095 },
            { $0.hypervisor_sha256.0 ^= 1 }, { $0.cache = 7 }, { $0.cipher = 9 }, { $0.devices = 2 },
            { $0.ports.0 = port_range(first: 0xFFFF, count: 2) },
            { $0.slots.0.kdf_iterations = UInt32(IMAGE_KDF_MAXIMUM) + 1 },
        ] as [@Sendable (inout image_header) -> Void])
    func forgedHeader(change: @Sendable (inout image_header) -> Void) throws {
        let sample = try SampleImage()
        try sample.forge(change)
        #expect(throws: BootImage.Failure.self) { try BootImage(reading: sample.file) }
    }

    @Test(
        "A changed boot sector, loader or hypervisor is refused",
        arguments: [0, 445, 9 * 512, 141 * 512, 142 * 512 + 500, 151 * 512, 166 * 512 + 511])
    func damagedHypervisor(offset: Int) throws {
        let sample = try SampleImage()
        var bytes = try sample.bytes
        bytes[offset] ^= 1
        try sample.replace(bytes)
        #expect(throws: BootImage.Failure.damaged(sample.file.plainPath, what: "hypervisor")) {
            try BootImage(reading: sample.file)
        }
    }

    @Test("A file cut anywhere is refused")
    func truncated() throws {
        let sample = try SampleImage()
        let good = try sample.bytes
        let payloadEnd = 21 * 512 + (try BootImage(reading: sample.file).payload().count)
        #expect(payloadEnd < good.count && good.count.isMultiple(of: 1 << 20))
        for length in [0, 1, 511, 512, 4607, 4608, 5000, 21 * 512, payloadEnd - 1] {
            try sample.replace(Array(good.prefix(length)))
            #expect(throws: BootImage.Failure.self) { try BootImage(reading: sample.file) }
        }
    }

    @Test("A foreign file, and one that is not there, are told apart")
    func foreign() throws {
        let sample = try SampleImage()
        let path = sample.file.plainPath
        try sample.replace(Array(repeating: 0, count: 10000))
        #expect(throws: BootImage.Failure.foreign(path)) { try BootImage(reading: sample.file) }
        try FileManager.default.removeItem(at: sample.file)
        #expect(throws: BootImage.Failure.missing(path)) { try BootImage(reading: sample.file) }
    }

    @Test("A failed write leaves nothing behind, and an old image as it was")
    func atomicWrite() throws {
        let sample = try SampleImage()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: sample.folder.plainPath) == ["sample.img"])
    }

    @Test("Scattered pages still fit the header, and all are found again")
    func scattered() throws {
        var memory = GuestMemory()
        for index in 0..<300 { memory.write([1], at: UInt64(0x100_0000 + index * 0x3000)) }
        let sample = try SampleImage(memory: memory)
        let image = try BootImage(reading: sample.file)
        let walk = TreeWalk(image, payload: try image.payload(), key: sample.key.raw)
        #expect(walk.refused.isEmpty)
        for index in memory.filledIndexes { #expect(walk.guestPages[index]?.first == 1) }
    }

    @Test(
        "A page in memory that is not the guest's is refused",
        arguments: [0, 0x60000, 0x8F000, 0xA0000, 0xFF000])
    func reserved(address: UInt64) throws {
        var memory = GuestMemory()
        memory.write([1], at: address)
        #expect(throws: SealedGuest.Failure.reserved(address)) { try SampleImage(memory: memory) }
    }

    @Test("A page beyond the guest's RAM is refused")
    func beyond() throws {
        let plan = try MemoryPlan(ram: 64 * .mebibyte, frozen: 2 * .mebibyte)
        var memory = GuestMemory()
        memory.write([1], at: plan.metaBase)
        #expect(throws: SealedGuest.Failure.outsideRAM(plan.metaBase, end: plan.metaBase)) {
            try SampleImage(memory: memory)
        }
    }
}
