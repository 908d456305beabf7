import Foundation
@testable import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// An encrypted disk that exists gets a second key, and loses it again where no image is made.
@Suite struct AdoptedDiskTests {
    private let scratch: Scratch
    private let disk: URL
    private let key: URL

    init() throws {
        scratch = try Scratch()
        (disk, key) = (scratch.url.appending(path: "disk"), scratch.url.appending(path: "first.key"))
        try Data("a key of the tests".utf8).write(to: key)
        try Data(count: 20 << 20).write(to: disk)
        try cryptsetup([
            "luksFormat", "--batch-mode", "--disable-locks", "--type", "luks2", "--pbkdf", "pbkdf2",
            "--pbkdf-force-iterations", "1000", disk.plainPath, key.plainPath,
        ])
    }

    @discardableResult
    private func cryptsetup(_ words: [String]) throws -> String {
        String(decoding: try Tool.cryptsetup.run(words, for: "make a disk for a test"), as: UTF8.self)
    }

    private func keys() throws -> Int {
        try cryptsetup(["luksDump", "--disable-locks", disk.plainPath])
            .matches(of: /(?m)^  \d+: luks2$/).count
    }

    @Test("The key is sealed into an archive that the initial RAM disk understands")
    func adopted() throws {
        let adopted = try AdoptedDisk(disk, name: "vda5_crypt", key: key)
        let archive = try adopted.adopt(in: SourceTree.underTest) { try Data(contentsOf: $0) }
        #expect(try keys() == 2)
        let text = String(decoding: archive, as: UTF8.self)
        let uuid = try cryptsetup(["luksUUID", disk.plainPath]).trimmingCharacters(in: .newlines)
        #expect(text.contains("vda5_crypt UUID=\(uuid) /cryptroot/keyfiles/vda5_crypt.key luks\n"))
    }

    @Test("Where no image comes of it, the key is taken away again")
    func released() throws {
        struct NoImage: Error {}
        let adopted = try AdoptedDisk(disk, name: "root", key: key)
        #expect(throws: NoImage.self) {
            try adopted.adopt(in: SourceTree.underTest) { _ in
                #expect(try keys() == 2)
                throw NoImage()
            }
        }
        #expect(try keys() == 1)
    }

    @Test("What does not open the disk, and what is no encrypted disk, is refused in a sentence")
    func refused() throws {
        let wrong = scratch.url.appending(path: "wrong.key")
        try Data("another".utf8).write(to: wrong)
        for adopted in [
            try AdoptedDisk(disk, name: "root", key: wrong), try AdoptedDisk(key, name: "root", key: key),
        ] {
            #expect(
                throws: AdoptedDisk.Failure.failed(
                    adopted.disk.plainPath, status: ExitCode.badInput.rawValue)
            ) {
                try adopted.adopt(in: SourceTree.underTest) { _ in }
            }
        }
        #expect(try keys() == 1)
        #expect(throws: AdoptedDisk.Failure.name("../x")) {
            try AdoptedDisk(disk, name: "../x", key: key)
        }
        let nothing = scratch.url.appending(path: "nothing")
        #expect(throws: AdoptedDisk.Failure.absent(nothing.plainPath)) {
            try AdoptedDisk(nothing, name: "root", key: key)
        }
    }
}
