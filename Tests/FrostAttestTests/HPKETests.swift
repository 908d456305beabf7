@testable import FrostAttest
import FrostCore
import FrostSamples
import FrostSupport
import Foundation
import Testing

/// The sender, which rests on libcrypto, and the hypervisor's receiver, which shares no line with it.
@Suite struct HPKETests {
    /// Source: test-vectors.json of the authors of RFC 9180 (cfrg/draft-irtf-cfrg-hpke, 5f503c5), mode 0, KEM 0x0020,
    /// KDF 0x0001, AEAD 0x0002; the RFC's own appendix has other suites.
    enum Published {
        static let info = bytes("4f6465206f6e2061204772656369616e2055726e")
        static let privateKey = bytes("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d")
        static let publicKey = bytes("430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c")
        static let ephemeral = bytes("179d4b53b6365c45b600c4163b61d95cbc2f4d9e36f1695558dce265ab8bab11")
        static let encapsulated = bytes("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256")
        static let key = bytes("f50b0609186798729ed0564b36ef2ef8044f1f9d05636874d1f46c819c7a669f")
        static let nonce = bytes("151d9929e2449747889bc923")
        static let additional = bytes("436f756e742d30")
        static let plaintext = bytes("4265617574792069732074727574682c20747275746820626561757479")
        static let ciphertext = bytes(
            "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a")

        static func bytes(_ digits: String) -> [UInt8] {
            let digits = digits.compactMap(\.hexDigitValue)
            return stride(from: 0, to: digits.count, by: 2).map {
                UInt8(digits[$0] << 4 | digits[$0 + 1])
            }
        }
    }

    @Test("The sender gives the published message")
    func sender() throws {
        let message = try HPKESender.seal(
            Published.plaintext, to: Published.publicKey, info: Published.info,
            additional: Published.additional, ephemeral: Published.ephemeral)
        #expect(message == Published.encapsulated + Published.ciphertext)
    }

    /// The published message is not of whole blocks, and the receiver is told nothing of key and nonce: that it comes to
    /// them shows in what it opens.
    @Test(
        "The receiver opens what is sealed under the published key and nonce", arguments: [0, 16, 32, 4_096])
    func receiver(count: Int) throws {
        let receiver = Receiver(Published.privateKey)
        #expect(receiver.publicKey == Published.publicKey)
        let sealed = try HPKESender.encrypt(
            Published.plaintext, key: Published.key, nonce: Published.nonce,
            additional: Published.additional)
        #expect(sealed == Published.ciphertext)

        let plaintext = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let message = try HPKESender.encrypt(
            plaintext, key: Published.key, nonce: Published.nonce, additional: Published.additional)
        #expect(
            receiver.open(
                Published.encapsulated + message, info: Published.info, additional: Published.additional)
                == plaintext)
    }

    @Test("200 messages of random keys and lengths are opened, and no two are alike")
    func messages() throws {
        var random = Self.random("200 messages")
        var seen: Set<[UInt8]> = []
        for _ in 0..<200 {
            let receiver = Receiver(random.bytes(32))
            let plaintext = random.bytes(16 * Int.random(in: 0...20, using: &random))
            let info = random.bytes(Int.random(in: 0...100, using: &random))
            let additional = random.bytes(Int.random(in: 0...100, using: &random))
            let message = try HPKESender.seal(
                plaintext, to: receiver.publicKey, info: info, additional: additional)
            #expect(message.count == plaintext.count + Int(HPKE_EXTRA_BYTES))
            #expect(receiver.open(message, info: info, additional: additional) == plaintext)
            #expect(seen.insert(Array(message.prefix(32))).inserted)
        }
    }

    /// An image key, as it goes to a machine.
    private struct Sample {
        let privateKey: [UInt8]
        let key: [UInt8], info: [UInt8], additional: [UInt8]
        let message: [UInt8]

        init(_ random: inout SplitMix64) throws {
            privateKey = random.bytes(32)
            (key, info, additional) = (random.bytes(32), random.bytes(20), random.bytes(32))
            message = try HPKESender.seal(
                key, to: Receiver(privateKey).publicKey, info: info, additional: additional)
        }

        func opened(
            message: [UInt8]? = nil, info: [UInt8]? = nil, additional: [UInt8]? = nil,
            privateKey: [UInt8]? = nil
        ) -> [UInt8]? {
            Receiver(privateKey ?? self.privateKey).open(
                message ?? self.message, info: info ?? self.info, additional: additional ?? self.additional)
        }
    }

    @Test(
        "A flipped bit of encapsulated key, ciphertext, tag, info or additional data is refused, each of them"
    )
    func flipped() throws {
        var random = Self.random("flipped")
        let sample = try Sample(&random)
        #expect(sample.opened() == sample.key)
        for changed in Self.flips(of: sample.message) { #expect(sample.opened(message: changed) == nil) }
        for changed in Self.flips(of: sample.info) { #expect(sample.opened(info: changed) == nil) }
        for changed in Self.flips(of: sample.additional) {
            #expect(sample.opened(additional: changed) == nil)
        }
    }

    private static func flips(of bytes: [UInt8]) -> [[UInt8]] {
        (0..<8 * bytes.count).map { bit in
            var changed = bytes
            changed[bit / 8] ^= 1 << (bit % 8)
            return changed
        }
    }

    @Test("A message of any other length is refused, and one for another key")
    func others() throws {
        var random = Self.random("others")
        let sample = try Sample(&random)
        for count in 0..<sample.message.count {
            #expect(sample.opened(message: Array(sample.message.prefix(count))) == nil, "\(count)")
            #expect(sample.opened(message: Array(sample.message.suffix(count))) == nil, "\(count)")
        }
        for count in 1...64 {
            #expect(sample.opened(message: sample.message + random.bytes(count)) == nil, "\(count)")
        }
        #expect(sample.opened(info: sample.info.dropLast()) == nil)
        #expect(sample.opened(additional: sample.additional.dropLast()) == nil)
        #expect(sample.opened(privateKey: random.bytes(32)) == nil)
    }

    @Test("A key of low order is refused on both sides, and one of another length by the sender")
    func lowOrder() throws {
        var random = Self.random("low order")
        let sample = try Sample(&random)
        let one = [1] + [UInt8](repeating: 0, count: 31)
        #expect(sample.opened(message: one + sample.message.dropFirst(32)) == nil)
        for recipient in [one, [], Array(one.dropLast()), one + [0]] {
            #expect(throws: HPKESender.Failure.notAKey) {
                _ = try HPKESender.seal(sample.key, to: recipient, info: [], additional: [])
            }
        }
    }

    /// Printed, so that `FROST_TEST_SEED=… swift test` repeats a failure.
    private static func random(_ user: String) -> SplitMix64 {
        let wanted = ProcessInfo.processInfo.environment["FROST_TEST_SEED"].flatMap(UInt64.init)
        let seed = wanted ?? UInt64.random(in: 0...UInt64.max)
        print("\(user): seed \(seed)")
        return SplitMix64(seed: seed)
    }
}

/// Our side that opens, at an address that stays.
private final class Receiver {
    private let state = UnsafeMutablePointer<hpke>.allocate(capacity: 1)

    init(_ privateKey: [UInt8]) {
        memset(state, 0xAA, MemoryLayout<hpke>.size)
        withUnsafeMutableBytes(of: &state.pointee.private_key) { $0.copyBytes(from: privateKey) }
        hpke_make_public(state)
    }

    deinit { state.deallocate() }

    var publicKey: [UInt8] { withUnsafeBytes(of: &state.pointee.public_key) { Array($0) } }

    /// Once; nil: it is refused.
    func open(_ message: [UInt8], info: [UInt8], additional: [UInt8]) -> [UInt8]? {
        guard let kernel = gcm_kernel_find(GCM_ANY) else { preconditionFailure() }
        var out = [UInt8](repeating: 0, count: max(message.count - Int(HPKE_EXTRA_BYTES), 0))
        let right = hpke_open(
            state, kernel, info, info.count, additional, additional.count, message, message.count, &out)
        let left = UnsafeRawBufferPointer(start: state, count: MemoryLayout<hpke>.size).contains { $0 != 0 }
        #expect(!left, "keys were not wiped")
        if !right { #expect(out.allSatisfy { $0 == 0 }) }
        return right ? out : nil
    }
}

extension SplitMix64 {
    fileprivate mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}
