import Testing

/// A published answer of AES-256-GCM.
struct CipherVector: Sendable, CustomTestStringConvertible {
    let name: String
    let key: String
    let nonce: String
    var additional = ""
    var plaintext = ""
    var ciphertext = ""
    let tag: String

    var testDescription: String { name }
}

extension CipherVector {
    static let all = specification + validation

    /// Source: McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B.
    private static let specification = [
        CipherVector(
            name: "GCM specification, case 13",
            key: "0000000000000000000000000000000000000000000000000000000000000000",
            nonce: "000000000000000000000000",
            tag: "530f8afbc74536b9a963b4f1c4cb738b"),
        CipherVector(
            name: "GCM specification, case 14",
            key: "0000000000000000000000000000000000000000000000000000000000000000",
            nonce: "000000000000000000000000",
            plaintext: "00000000000000000000000000000000",
            ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
            tag: "d0d1c8a799996bf0265b98b5d48ab919"),
        CipherVector(
            name: "GCM specification, case 15",
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            nonce: "cafebabefacedbaddecaf888",
            plaintext: """
                d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255
                """,
            ciphertext: """
                522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad
                """,
            tag: "b094dac5d93471bdec1a502270e3cc6c"),
    ]

    /// Source: NIST CAVP, gcmEncryptExtIV256.rsp; the lengths are in bits.
    private static let validation = [
        CipherVector(
            name: "CAVP, plaintext 0, additional 0",
            key: "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
            nonce: "516c33929df5a3284ff463d7",
            tag: "bdc1ac884d332457a1d2664f168c76f0"),
        CipherVector(
            name: "CAVP, plaintext 0, additional 128",
            key: "78dc4e0aaf52d935c3c01eea57428f00ca1fd475f5da86a49c8dd73d68c8e223",
            nonce: "d79cf22d504cc793c3fb6c8a",
            additional: "b96baa8c1c75a671bfb2d08d06be5f36",
            tag: "3e5d486aa2e30b22e040b85723a06e76"),
        CipherVector(
            name: "CAVP, plaintext 128, additional 0",
            key: "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
            nonce: "0d18e06c7c725ac9e362e1ce",
            plaintext: "2db5168e932556f8089a0622981d017d",
            ciphertext: "fa4362189661d163fcd6a56d8bf0405a",
            tag: "d636ac1bbedd5cc3ee727dc2ab4a9489"),
        CipherVector(
            name: "CAVP, plaintext 128, additional 0, count 1",
            key: "460fc864972261c2560e1eb88761ff1c992b982497bd2ac36c04071cbb8e5d99",
            nonce: "8a4a16b9e210eb68bcb6f58d",
            plaintext: "99e4e926ffe927f691893fb79a96b067",
            ciphertext: "133fc15751621b5f325c7ff71ce08324",
            tag: "ec4e87e0cf74a13618d0b68636ba9fa7"),
        CipherVector(
            name: "CAVP, plaintext 128, additional 128",
            key: "92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b",
            nonce: "ac93a1a6145299bde902f21a",
            additional: "1e0889016f67601c8ebea4943bc23ad6",
            plaintext: "2d71bcfa914e4ac045b2aa60955fad24",
            ciphertext: "8995ae2e6df3dbf96fac7b7137bae67f",
            tag: "eca5aa77d51d4a0a14d9c51e1da474ab"),
        CipherVector(
            name: "CAVP, plaintext 128, additional 160",
            key: "83688deb4af8007f9b713b47cfa6c73e35ea7a3aa4ecdb414dded03bf7a0fd3a",
            nonce: "0b459724904e010a46901cf3",
            additional: "794a14ccd178c8ebfd1379dc704c5e208f9d8424",
            plaintext: "33d893a2114ce06fc15d55e454cf90c3",
            ciphertext: "cc66bee423e3fcd4c0865715e9586696",
            tag: "0fb291bd3dba94a1dfd8b286cfb97ac5"),
    ]
}
