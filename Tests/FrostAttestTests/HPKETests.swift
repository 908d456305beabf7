import Foundation
import FrostCore
import FrostSupport
import Testing

/// One published message. The receiver is told nothing but what goes over the wire and its own key, so what it makes of
/// them is known by a message that OpenSSL seals under the published key and nonce.
///
/// Source: test-vectors.json of the authors of RFC 9180 (cfrg/draft-irtf-cfrg-hpke, 5f503c5), mode 0, KEM 0x0020, KDF
/// 0x0001, AEAD 0x0002; the RFC's own appendix has other suites.
@Suite struct HPKETests {
    static let info = bytes("4f6465206f6e2061204772656369616e2055726e")
    static let privateKey = bytes("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d")
    static let publicKey = bytes("430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c")
    static let encapsulated = bytes("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256")
    static let key = bytes("f50b0609186798729ed0564b36ef2ef8044f1f9d05636874d1f46c819c7a669f")
    static let nonce = bytes("151d9929e2449747889bc923")
    static let additional = bytes("436f756e742d30")
    static let plaintext = bytes("4265617574792069732074727574682c20747275746820626561757479")
    static let ciphertext = bytes(
        "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a")

    @Test("The public key is the published one")
    func publicKey() {
        let receiver = Receiver(Self.privateKey)
        #expect(receiver.publicKey == Self.publicKey)
    }

    @Test("OpenSSL seals the published ciphertext under the published key and nonce")
    func published() {
        let sealed = OpenSSLCipher.seal(
            key: Self.key, nonce: Self.nonce, additional: Self.additional, plaintext: Self.plaintext)
        #expect(sealed.ciphertext + sealed.tag == Self.ciphertext)
    }

    @Test(
        "What OpenSSL seals under the published key and nonce is opened, of any number of blocks",
        arguments: Kernel.available, [0, 16, 32, 4_096])
    func opened(kernel: Kernel, count: Int) {
        var random = SplitMix64.announced("opened \(count)")
        let (plaintext, additional) = (random.bytes(count), random.bytes(32))
        let sealed = OpenSSLCipher.seal(
            key: Self.key, nonce: Self.nonce, additional: additional, plaintext: plaintext)
        let message = Self.encapsulated + sealed.ciphertext + sealed.tag

        let receiver = Receiver(Self.privateKey)
        #expect(
            receiver.open(message, info: Self.info, additional: additional, kernel: kernel) == plaintext)
    }
}

/// Our side that opens, at an address that stays.
final class Receiver {
    private let state = UnsafeMutablePointer<hpke>.allocate(capacity: 1)

    init(_ privateKey: [UInt8]) {
        memset(state, 0xAA, MemoryLayout<hpke>.size)
        withUnsafeMutableBytes(of: &state.pointee.private_key) { $0.copyBytes(from: privateKey) }
        hpke_make_public(state)
    }

    deinit { state.deallocate() }

    var publicKey: [UInt8] { withUnsafeBytes(of: &state.pointee.public_key) { Array($0) } }

    /// nil: it is refused.
    func open(
        _ message: [UInt8], info: [UInt8], additional: [UInt8], kernel: Kernel = .aesni
    ) -> [UInt8]? {
        guard let kernel = kernel.found else { preconditionFailure() }
        var out = [UInt8](repeating: 0, count: max(message.count - Int(HPKE_EXTRA_BYTES), 0))
        let right = hpke_open(
            state, kernel, info, info.count, additional, additional.count, message, message.count, &out)
        let left = UnsafeRawBufferPointer(start: state, count: MemoryLayout<hpke>.size).contains { $0 != 0 }
        #expect(!left, "keys were not wiped")
        if !right { #expect(out.allSatisfy { $0 == 0 }) }
        return right ? out : nil
    }
}
