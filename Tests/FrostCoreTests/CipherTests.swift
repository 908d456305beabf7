import FrostCore
import FrostSupport
import Testing

@Suite struct CipherTests {
    @Test("A published answer comes out, here and in OpenSSL", arguments: CipherVector.all, Kernel.available)
    func knownAnswer(vector: CipherVector, kernel: Kernel) {
        let (key, nonce) = (bytes(vector.key), bytes(vector.nonce))
        let (additional, plaintext) = (bytes(vector.additional), bytes(vector.plaintext))
        let cipher = FrostCipher(raw: key, kernel: kernel)
        let ours = cipher.seal(nonce: nonce, additional: additional, plaintext: plaintext)
        let theirs = OpenSSLCipher.seal(key: key, nonce: nonce, additional: additional, plaintext: plaintext)

        #expect(ours.ciphertext == bytes(vector.ciphertext))
        #expect(ours.tag == bytes(vector.tag))
        #expect(theirs == ours)

        let opened = cipher.open(
            nonce: nonce, additional: additional, ciphertext: ours.ciphertext, tag: ours.tag)
        #expect(opened.genuine)
        #expect(opened.output == plaintext)
    }

    @Test(
        "Every number of blocks from 0 to 100, and a page's, agrees with OpenSSL, whatever the additional data",
        arguments: Kernel.available)
    func lengths(kernel: Kernel) {
        var random = SplitMix64.announced("lengths")
        for blocks in Array(0...100) + [255, 256, 257, 512] {
            let (key, nonce) = (random.bytes(32), random.bytes(12))
            let additional = random.bytes(
                blocks % 2 == 0 ? blocks : Int.random(in: 0...2_400, using: &random))
            let plaintext = random.bytes(16 * blocks)
            let cipher = FrostCipher(raw: key, kernel: kernel)
            let ours = cipher.seal(nonce: nonce, additional: additional, plaintext: plaintext)

            #expect(
                ours
                    == OpenSSLCipher.seal(
                        key: key, nonce: nonce, additional: additional, plaintext: plaintext))
            #expect(
                cipher.open(nonce: nonce, additional: additional, ciphertext: ours.ciphertext, tag: ours.tag)
                    == (true, plaintext))
        }
    }

    @Test(
        "The block counter carries out of its lowest byte and does not reach the nonce",
        arguments: Kernel.available)
    func counterCarry(kernel: Kernel) {
        let key = [UInt8](repeating: 7, count: 32)
        let nonce = [UInt8](repeating: 0xFF, count: 12)
        let plaintext = [UInt8](repeating: 0, count: 16 * 66_000)
        let ours = FrostCipher(raw: key, kernel: kernel).seal(
            nonce: nonce, additional: [], plaintext: plaintext)

        #expect(ours == OpenSSLCipher.seal(key: key, nonce: nonce, additional: [], plaintext: plaintext))
    }

    @Test(
        "Input and output may be the same memory, at any alignment", arguments: [0, 1, 7, 15],
        Kernel.available)
    func inPlace(offset: Int, kernel: Kernel) {
        var random = SplitMix64.announced("inPlace")
        let (key, nonce, plaintext) = (random.bytes(32), random.bytes(12), random.bytes(16 * 75))
        let cipher = FrostCipher(raw: key, kernel: kernel)
        let apart = cipher.seal(nonce: nonce, additional: [], plaintext: plaintext)
        var memory = [UInt8](repeating: 0, count: offset) + plaintext

        let genuine = memory.withUnsafeMutableBytes { memory in
            let message = memory.baseAddress?.advanced(by: offset)
            let tag = cipher.seal(
                nonce: nonce, additional: [], from: message, to: message, count: plaintext.count)
            #expect(Array(memory.dropFirst(offset)) == apart.ciphertext)
            #expect(tag == apart.tag)
            return cipher.open(
                nonce: nonce, additional: [], from: message, to: message, count: plaintext.count, tag: tag)
        }
        #expect(genuine)
        #expect(Array(memory.dropFirst(offset)) == plaintext)
    }

    @Test("A change of one bit anywhere is refused, and nothing is released", arguments: Kernel.available)
    func bitFlips(kernel: Kernel) {
        var random = SplitMix64.announced("bitFlips")
        let (nonce, additional) = (random.bytes(12), random.bytes(20))
        let cipher = FrostCipher(raw: random.bytes(32), kernel: kernel)
        let sealed = cipher.seal(nonce: nonce, additional: additional, plaintext: random.bytes(16 * 37))
        let parts = [nonce, additional, sealed.ciphertext, sealed.tag]

        for part in parts.indices {
            for bit in 0..<8 * parts[part].count {
                var changed = parts
                changed[part][bit / 8] ^= 1 << (bit % 8)
                let opened = cipher.open(
                    nonce: changed[0], additional: changed[1], ciphertext: changed[2], tag: changed[3])
                #expect(!opened.genuine)
                #expect(opened.output.allSatisfy { $0 == 0 })
            }
        }
    }

    @Test(
        "The widest kernel that this machine can run is found, the one that is asked for, and no unknown one")
    func choice() {
        #expect(Kernel.available.contains(.aesni))
        #expect(gcm_kernel_find(GCM_ANY) == Kernel.available.last?.found)
        for kernel in Kernel.available {
            #expect(kernel.found.map { String(cString: $0.pointee.name) } == "\(kernel)")
        }
        #expect(gcm_kernel_find(gcm_cipher(rawValue: 9)) == nil)
    }
}
