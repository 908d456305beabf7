import Foundation
import FrostAttest
import FrostCore
import FrostFormat
import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// What an image's start leaves in PCRs, by the words of others: sbsign for an application's hash, openssl for the sums.
@Suite struct PredictionTests {
    /// What precedes a SHA-256 in a signature: DigestInfo (RFC 8017, 9.2 note 1).
    private static let digestInfo: [UInt8] = [
        0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
        0x04, 0x20,
    ]

    private static func key(in folder: URL) throws -> (key: URL, certificate: URL) {
        let key = folder.appending(path: "key.pem"), certificate = folder.appending(path: "certificate.pem")
        try Tool.bash.run(
            [
                "-c",
                """
                openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=tests -days 2 -keyout \(key.plainPath) \
                -out \(certificate.plainPath) 2>&1
                """,
            ], for: "make a key")
        return (key, certificate)
    }

    /// The hash that a signature is over, by whoever made the signature.
    private static func signedHash(_ signed: [UInt8]) throws -> [UInt8] {
        let place = try #require(signed.firstRange(of: digestInfo))
        return Array(signed[place.upperBound...].prefix(32))
    }

    @Test("An application's hash is the one that sbsign signs, and a signature does not change it")
    func authenticode() throws {
        let scratch = try Scratch()
        let made = try BuiltFrost.run(
            ["make-image", "hello", "--key-source", "embedded", "-o", "it.img"], in: scratch.url)
        try #require(made.code == 0, "\(made.error)")
        let file = scratch.url.appending(path: "it.img")
        let unsigned = try BootImage(reading: file)
        let hash = try #require(Authenticode.digests(of: unsigned.application())?[.sha256])
        let (key, certificate) = try Self.key(in: scratch.url)
        let signed = scratch.url.appending(path: "signed.img")
        try SecureBoot(key: key, certificate: certificate).sign(unsigned, to: signed)
        let bytes = [UInt8](try Data(contentsOf: signed))
        #expect(try Self.signedHash(bytes) == hash)
        let image = try BootImage(reading: signed)
        let events = try LaunchPrediction(of: image, phase: .launched).events
        #expect(try events == LaunchPrediction(of: unsigned, phase: .launched).events)
        // The whole file, certificates and all, has the same hash.
        let start = Int(image.header.efi_lba) * 512
        let whole = Array(bytes[start..<start + Self.applicationBytes(bytes, from: start)])
        #expect(Authenticode.digests(of: whole)?[.sha256] == hash)
    }

    /// With certificates.
    private static func applicationBytes(_ bytes: [UInt8], from start: Int) -> Int {
        let security = start + Int(bytes.word(at: start + 60, UInt32.self)) + 24 + 144
        return Int(bytes.word(at: security, UInt32.self)) + Int(bytes.word(at: security + 4, UInt32.self))
    }

    @Test("Each byte of an application changes its hash, but for the checksum and where certificates are")
    func everyByte() throws {
        let sample = try SampleImage()
        let application = Array(try BootImage(reading: sample.file).application().prefix(1024 + 8192))
        // The section goes on to the sample's end.
        var whole = application
        whole.store(UInt32(8192), at: 0x98 + 240 + 16)
        let hash = try #require(Authenticode.digests(of: whole)?[.sha256])
        let free = Set(0x98 + 64..<0x98 + 68).union(0x98 + 144..<0x98 + 152)
        for at in whole.indices where at % 61 == 0 || free.contains(at) {
            var changed = whole
            changed[at] ^= 1
            // Some make it no application, or move its parts.
            let other = Authenticode.digests(of: changed)?[.sha256]
            let isFree = free.contains(at) && !(0x98 + 148..<0x98 + 152).contains(at)
            #expect((other == hash) == isFree, "byte \(at)")
        }
        for count in stride(from: 0, to: 1024 + 8192, by: 211) {
            #expect(Authenticode.digests(of: Array(whole.prefix(count))) == nil, "\(count)")
        }
    }

    @Test("PCRs are what openssl makes of the events, in each bank and phase")
    func values() throws {
        let sample = try SampleImage()
        let image = try BootImage(reading: sample.file)
        let header = try #require(
            ImageReference(of: image, build: nil).measured.first { $0.name == .header }?.sha256)
        for phase in LaunchPrediction.Phase.allCases {
            let prediction = try LaunchPrediction(of: image, phase: phase)
            for bank in PredictionReport.banks {
                let application = try #require(Authenticode.digests(of: image.application())?[bank])
                let script = """
                    hash() { openssl dgst -\(bank.rawValue) -binary; }
                    digits() { xxd -p -c 100; }
                    bytes() { xxd -r -p; }
                    zero=$(head -c \(bank.bytes) /dev/zero | digits)
                    extend() { echo "$1$2" | bytes | hash | digits; }
                    event() { extend "$1" "$(printf %s "$2" | hash | digits)"; }
                    four=$(event $zero 'Calling EFI Application from Boot Option')
                    four=$(extend $four $(head -c 4 /dev/zero | hash | digits))
                    echo $(extend $four \(application.hexadecimal))
                    eight=$zero
                    \(phase == .locked ? "" : "eight=$(event $eight 'frostvisor: unlocked')")
                    \(phase == .launched ? "eight=$(event $eight 'frostvisor: launched')" : "")
                    echo $eight
                    event $zero 'frostvisor: header sha256:\(header)'
                    """
                let said = String(
                    decoding: try Tool.bash.run(["-ec", script], for: "extend PCRs"), as: UTF8.self)
                let values = prediction.values(in: bank)
                #expect(values.count == 3)
                #expect(
                    said.split(separator: "\n").map(String.init)
                        == [4, 8, 9].map { values[$0]?.hexadecimal ?? "" })
            }
        }
    }

    @Test("Each form of a prediction has the same values; systemd-pcrlock's has what is the image's own")
    func forms() throws {
        let sample = try SampleImage()
        func predict(_ words: String...) throws -> String {
            let said = try BuiltFrost.run(["predict", sample.file.plainPath] + words, in: sample.folder)
            #expect(said.code == 0, "\(said.error)")
            return said.output
        }
        let report = try JSON.decode(PredictionReport.self, from: Data(predict("--format", "json").utf8))
        let values = try LaunchPrediction(of: BootImage(reading: sample.file), phase: .launched)
            .values(in: .sha384)
        for (pcr, value) in values {
            #expect(report.pcrs[.sha384]?["\(pcr)"] == value.hexadecimal)
            #expect(try predict().contains("\(pcr) : 0x\(value.hexadecimal.uppercased())"))
        }
        struct Lock: Decodable {
            var records: [Record]

            struct Record: Decodable {
                var pcr: Int
                var digests: [[String: String]]
            }
        }
        let lock = try JSON.decode(Lock.self, from: Data(predict("--format", "pcrlock").utf8))
        #expect(lock.records.map(\.pcr) == [4, 9, 8, 8])
        #expect(lock.records.allSatisfy { $0.digests.map { $0["hashAlg"] } == ["sha1", "sha256", "sha384"] })
        let header = LaunchPrediction.header(report.header)
        #expect(lock.records[1].digests[1]["digest"] == header.digests[.sha256]?.hexadecimal)
        let locked = try JSON.decode(
            PredictionReport.self, from: Data(predict("--format", "json", "--phase", "locked").utf8))
        #expect(locked.pcrs[.sha256]?["8"] == String(repeating: "0", count: 64))
    }
}
