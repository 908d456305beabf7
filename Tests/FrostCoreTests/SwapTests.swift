import FrostCore
import FrostSupport
import Testing
import VectorCipher

@Suite(.enabled(if: gcm_kernel_find(GCM_VAES512) != nil, "this CPU or system cannot run VAES-512"))
struct SwapTests {
    /// Two pages on their way through one slot, each under its own key.
    final class Exchange {
        static let pageBytes = 4096
        let (inRaw, outRaw): ([UInt8], [UInt8])
        let (inNonce, outNonce): ([UInt8], [UInt8])
        let (inAdditional, outAdditional): ([UInt8], [UInt8])
        let (wanted, victim): ([UInt8], [UInt8])
        let sealedWanted: (ciphertext: [UInt8], tag: [UInt8])
        let slot = UnsafeMutableRawPointer.allocate(byteCount: pageBytes, alignment: 64)
        let inHome = UnsafeMutableRawPointer.allocate(byteCount: pageBytes, alignment: 64)
        let outHome = UnsafeMutableRawPointer.allocate(byteCount: pageBytes, alignment: 64)

        init(_ random: inout SplitMix64) {
            (inRaw, outRaw) = (random.bytes(32), random.bytes(32))
            (inNonce, outNonce) = (random.bytes(12), random.bytes(12))
            (inAdditional, outAdditional) = (random.bytes(16), random.bytes(16))
            (wanted, victim) = (random.bytes(Self.pageBytes), random.bytes(Self.pageBytes))
            sealedWanted = OpenSSLCipher.seal(
                key: inRaw, nonce: inNonce, additional: inAdditional, plaintext: wanted)
            slot.copyMemory(from: victim, byteCount: Self.pageBytes)
            inHome.copyMemory(from: sealedWanted.ciphertext, byteCount: Self.pageBytes)
        }

        deinit {
            for memory in [slot, inHome, outHome] { memory.deallocate() }
        }

        func bytes(_ memory: UnsafeMutableRawPointer) -> [UInt8] {
            Array(UnsafeRawBufferPointer(start: memory, count: Self.pageBytes))
        }

        func run() -> (genuine: Bool, tag: [UInt8]) {
            let keys = UnsafeMutablePointer<gcm_key>.allocate(capacity: 2)
            defer { keys.deallocate() }
            gcm_key_expand(Kernel.vaes512.found, keys, inRaw)
            gcm_key_expand(Kernel.vaes512.found, keys + 1, outRaw)
            var outTag = [UInt8](repeating: 0, count: 16)
            let genuine = inNonce.withUnsafeBufferPointer { inNonce in
                outNonce.withUnsafeBufferPointer { outNonce in
                    inAdditional.withUnsafeBufferPointer { inAdditional in
                        outAdditional.withUnsafeBufferPointer { outAdditional in
                            sealedWanted.tag.withUnsafeBufferPointer { inTag in
                                outTag.withUnsafeMutableBufferPointer { outTag in
                                    var swap = vector_swap(
                                        slot: slot, in: inHome.assumingMemoryBound(to: UInt8.self),
                                        out: outHome.assumingMemoryBound(to: UInt8.self),
                                        in_nonce: inNonce.baseAddress, out_nonce: outNonce.baseAddress,
                                        in_aad: inAdditional.baseAddress, out_aad: outAdditional.baseAddress,
                                        in_tag: inTag.baseAddress, out_tag: outTag.baseAddress)
                                    return vaes512_swap(keys, keys + 1, &swap)
                                }
                            }
                        }
                    }
                }
            }
            return (genuine, outTag)
        }
    }

    @Test("A fused swap seals the victim as OpenSSL does, and opens what OpenSSL sealed")
    func swap() {
        var random = SplitMix64.announced("swap")
        for _ in 0..<50 {
            let exchange = Exchange(&random)
            let result = exchange.run()
            let sealed = OpenSSLCipher.seal(
                key: exchange.outRaw, nonce: exchange.outNonce, additional: exchange.outAdditional,
                plaintext: exchange.victim)
            #expect(result.genuine)
            #expect(exchange.bytes(exchange.slot) == exchange.wanted)
            #expect(exchange.bytes(exchange.outHome) == sealed.ciphertext)
            #expect(result.tag == sealed.tag)
        }
    }

    @Test(
        "A swap refuses a page with one bit changed, releases nothing of it, and seals the victim all the same"
    )
    func tampered() {
        var random = SplitMix64.announced("tampered")
        for _ in 0..<50 {
            let exchange = Exchange(&random)
            let byte = Int.random(in: 0..<Exchange.pageBytes, using: &random)
            let bit = UInt8(1) << UInt8.random(in: 0..<8, using: &random)
            let changed = exchange.inHome.load(fromByteOffset: byte, as: UInt8.self) ^ bit
            exchange.inHome.storeBytes(of: changed, toByteOffset: byte, as: UInt8.self)
            let result = exchange.run()
            let sealed = OpenSSLCipher.seal(
                key: exchange.outRaw, nonce: exchange.outNonce, additional: exchange.outAdditional,
                plaintext: exchange.victim)
            #expect(!result.genuine)
            #expect(exchange.bytes(exchange.slot).allSatisfy { $0 == 0 })
            #expect(exchange.bytes(exchange.outHome) == sealed.ciphertext)
            #expect(result.tag == sealed.tag)
        }
    }
}
