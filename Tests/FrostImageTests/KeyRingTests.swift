import Foundation
import FrostCore
import FrostFormat
@testable import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// Passphrases that come and go while the guest, and what is measured of an image, stay.
@Suite struct KeyRingTests {
    private static let few = ImageKey.minimumIterations
    private let first: Passphrase, second: Passphrase, sample: SampleImage

    init() throws {
        (first, second) = (try Passphrase("first"), try Passphrase("second"))
        sample = try SampleImage(key: .passphrase(first, iterations: Self.few))
    }

    private func image() throws -> BootImage { try BootImage(reading: sample.file) }

    private func opens(_ passphrase: Passphrase) throws -> Bool {
        try ImageKey.unwrap(image().header, passphrase: passphrase) == sample.key.raw
    }

    @Test(
        "A passphrase that is added opens the image, one that is removed does not; all that is measured stays"
    )
    func come() throws {
        let before = try image(), application = try before.application()
        var ring = try KeyRing(of: before)
        #expect(try ring.add(second, iterations: 2000, by: first) == 1)
        #expect(try opens(first) && opens(second) && !opens(Passphrase("third")))
        #expect(
            try KeyRing(of: image()).slots == [
                .init(slot: 0, kdfIterations: Self.few), .init(slot: 1, kdfIterations: 2000),
            ])
        try ring.remove(0, by: second)
        #expect(try !opens(first) && opens(second))
        #expect(try ring.add(first, iterations: Self.few, by: second) == 0, "the first that is free")
        #expect(try image().application() == application)
        let authenticated = BootImage.authenticatedBytes
        #expect(
            try [UInt8](memoryOf: image().header).prefix(authenticated)
                == [UInt8](memoryOf: before.header).prefix(authenticated))
        #expect(try image().payload() == before.payload())
    }

    @Test("A slot that was removed is erased in the header and in its copy for UEFI")
    func erased() throws {
        var ring = try KeyRing(of: image())
        _ = try ring.add(second, iterations: Self.few, by: first)
        let old = [UInt8](memoryOf: try image().header.slots.0)
        #expect(try sample.bytes.contains(old))
        try ring.remove(0, by: second)
        #expect(try !sample.bytes.contains(old))
        #expect(try !sample.bytes.contains(Array(old.suffix(60))))
    }

    @Test("Nothing is lost: the last passphrase stays, and a wrong one changes nothing")
    func refused() throws {
        var ring = try KeyRing(of: image())
        let bytes = try sample.bytes
        #expect(throws: KeyRing.Failure.wrongPassphrase) {
            try ring.add(second, iterations: 1000, by: second)
        }
        #expect(throws: KeyRing.Failure.wrongPassphrase) { try ring.remove(0, by: second) }
        #expect(throws: KeyRing.Failure.ownSlot(0)) { try ring.remove(0, by: first) }
        #expect(throws: KeyRing.Failure.noSlot(1, known: [0])) { try ring.remove(1, by: first) }
        #expect(throws: KeyRing.Failure.noSlot(-1, known: [0])) { try ring.remove(-1, by: first) }
        #expect(throws: KeyRing.Failure.iterations(999)) { try ring.add(second, iterations: 999, by: first) }
        #expect(try sample.bytes == bytes)
        for number in 1..<KeyRing.slotCount {
            #expect(try ring.add(second, iterations: Self.few, by: first) == number)
        }
        #expect(throws: KeyRing.Failure.full(sample.file.plainPath)) {
            try ring.add(second, iterations: Self.few, by: first)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: sample.folder.plainPath)
        #expect(names == ["sample.img"], "no draft is left")
        let open = try SampleImage()
        #expect(throws: KeyRing.Failure.embedded(open.file.plainPath)) {
            try KeyRing(of: BootImage(reading: open.file))
        }
    }

    @Test("A slot of another image opens nothing, though its passphrase is right")
    func foreign() throws {
        let other = try SampleImage(key: .passphrase(second, iterations: Self.few))
        let slot = try BootImage(reading: other.file).header.slots.0
        try sample.forge { $0.slots.1 = slot }
        #expect(try opens(first) && ImageKey.unwrap(image().header, passphrase: second) == nil)
    }
}

extension [UInt8] {
    fileprivate func contains(_ part: [UInt8]) -> Bool { firstRange(of: part) != nil }
}
