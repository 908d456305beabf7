import Foundation
import FrostCore
import FrostSupport
import Testing

@Suite struct X25519Tests {
    static let base = [9] + [UInt8](repeating: 0, count: 31)

    /// nil: `u` is of low order.
    private func multiply(_ scalar: [UInt8], _ u: [UInt8]) -> [UInt8]? {
        var work = x25519()
        var out = [UInt8](repeating: 0xAA, count: 32)
        let isSecret = x25519_multiply(&work, scalar, u, &out)
        let left = withUnsafeBytes(of: &work) { $0.contains { $0 != 0 } }
        #expect(!left, "the working memory was not wiped")
        #expect(isSecret == out.contains { $0 != 0 })
        return isSecret ? out : nil
    }

    /// Source: RFC 7748, section 5.2.
    @Test(
        "The published products come out",
        arguments: [
            (
                "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
            ),
            (
                "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"
            ),
        ])
    func products(scalar: String, u: String, product: String) {
        #expect(multiply(bytes(scalar), bytes(u)) == bytes(product))
    }

    static let iterations = ProcessInfo.processInfo.environment["FROST_FULL"] == nil ? 1_000 : 1_000_000

    /// Source: RFC 7748, section 5.2.
    @Test("1,000 iterations give the published value; with FROST_FULL=1 a million do")
    func iterated() throws {
        let published = [
            1: "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
            1_000: "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
            1_000_000: "7c3911e0ab2586fd864497297e575e6f3bc601c0883c30df5f4dd2d24f665424",
        ]
        var (k, u) = (Self.base, Self.base)
        for i in 1...Self.iterations {
            (k, u) = (try #require(multiply(k, u)), k)
            if let published = published[i] { #expect(k == bytes(published), "\(i)") }
        }
    }

    /// Source: RFC 7748, section 6.1.
    @Test("Two sides come to the published public keys, and to the published secret")
    func agreement() throws {
        let alice = bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
        let bob = bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
        let ofAlice = try #require(multiply(alice, Self.base))
        let ofBob = try #require(multiply(bob, Self.base))
        let secret = bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")

        #expect(ofAlice == bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"))
        #expect(ofBob == bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"))
        #expect(multiply(alice, ofBob) == secret)
        #expect(multiply(bob, ofAlice) == secret)
    }

    @Test("3,000 random products are OpenSSL's")
    func random() {
        var random = SplitMix64.announced("random products")
        for _ in 0..<3_000 {
            let (scalar, u) = (random.bytes(32), random.bytes(32))
            #expect(multiply(scalar, u) == OpenSSLAgreement.secret(of: scalar, with: u))
        }
    }

    /// The field's least and largest numbers, those that are not reduced, and limbs that are all ones or all zeroes.
    static let edges: [[UInt8]] = {
        let ones = [UInt8](repeating: 0xFF, count: 31)
        let least = (0...20).map { [UInt8($0)] + [UInt8](repeating: 0, count: 31) }
        let largest = (0xD8...0xFF).flatMap { first in
            [0x7F, 0xFF].map { [UInt8(first)] + ones.dropFirst() + [UInt8($0)] }
        }
        let limbs = (0..<32).map { pattern in
            var number = [UInt8](repeating: 0, count: 32)
            for bit in 0..<255 where pattern >> (bit / 51) & 1 == 1 { number[bit / 8] |= 1 << (bit % 8) }
            return number
        }
        return least + largest + limbs
    }()

    @Test("At the field's edges products are OpenSSL's, and what one refuses the other does")
    func atTheEdges() {
        var random = SplitMix64.announced("edges")
        var refused = 0
        for u in Self.edges {
            let scalar = random.bytes(32)
            let product = multiply(scalar, u)
            #expect(product == OpenSSLAgreement.secret(of: scalar, with: u), "\(u)")
            refused += product == nil ? 1 : 0
        }
        // 0 and 1, p - 1, p and p + 1, these three with the topmost bit too, and 0 among the limbs; 2^255 - 1 is 18.
        #expect(refused == 9)
    }

    /// Source: the points of small order of Curve25519 and its twist, as RFC 7748 has its section 7 warn of them; and
    /// what equals them modulo p.
    @Test(
        "A point of low order is refused, whatever the scalar",
        arguments: [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ], [0, 0x80])
    func lowOrder(point: String, topmostBit: UInt8) {
        var random = SplitMix64.announced("low order \(point)")
        var u = bytes(point)
        u[31] |= topmostBit
        for _ in 0..<10 {
            let scalar = random.bytes(32)
            #expect(multiply(scalar, u) == nil)
            #expect(OpenSSLAgreement.secret(of: scalar, with: u) == nil)
        }
    }

    @Test("Scalar, point and product may be one memory")
    func inPlace() {
        var work = x25519(), memory = Self.base
        let isSecret = memory.withUnsafeMutableBufferPointer {
            x25519_multiply(&work, $0.baseAddress, $0.baseAddress, $0.baseAddress)
        }
        #expect(isSecret)
        #expect(memory == multiply(Self.base, Self.base))
    }
}
