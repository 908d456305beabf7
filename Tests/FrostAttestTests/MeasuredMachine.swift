import Foundation
import FrostAttest
import FrostSamples
import FrostSupport

/// A machine that has been started: events in a TPM and in a log, and keys for quotes.
final class MeasuredMachine {
    let tpm: SampleTPM
    let machine: EnrolledMachine
    private let handle: String
    var events: [MeasuredEvent]

    static let banks: [PCRBank] = [.sha1, .sha256, .sha384]
    static let nonce = (0..<32).map { UInt8($0) }

    enum Key: String {
        case ecc = "-G ecc -s ecdsa"
        case rsa = "-G rsa -s rsassa"
    }

    init(_ events: [MeasuredEvent], key: Key = .ecc, by maker: SampleTPM.Maker? = nil) throws {
        tpm = try SampleTPM(by: maker)
        self.events = events
        handle = key == .ecc ? "0x81010002" : "0x81010003"
        try tpm.makeKey("ak", key.rawValue, handle: handle)
        let area = tpm.file("ak.pub")
        machine = EnrolledMachine(
            name: "rack4", endorsementKey: "", endorsementCertificate: "",
            attestationKey: try TPMPublic([UInt8](Data(contentsOf: area)), named: area.plainPath))
        try measure(events)
    }

    /// As the hypervisor does what is its own, by TPM2_PCR_Event; the rest by its digests.
    func measure(_ events: [MeasuredEvent]) throws {
        var rest = events[...]
        while let event = rest.first {
            if event.kind == .initialProgramLoader, event.isToldTruly(in: .sha256) {
                try Data(event.data).write(to: tpm.file("event"))
                try tpm.run("pcrevent \(event.pcr) event")
                rest = rest.dropFirst()
                continue
            }
            let extended = rest.prefix { $0.kind != .initialProgramLoader || !$0.isToldTruly(in: .sha256) }
            rest = rest.dropFirst(extended.count)
            let words = extended.filter { $0.kind != .noAction }.map { event in
                "\(event.pcr):"
                    + Self.banks.map { "\($0.rawValue)=\(event.digests[$0]?.hexadecimal ?? "")" }.joined(
                        separator: ",")
            }
            if !words.isEmpty { try tpm.run("pcrextend \(words.joined(separator: " "))") }
        }
    }

    /// What the machine hands over.
    func evidence(
        nonce: [UInt8] = MeasuredMachine.nonce, pcrs: String = "sha256:0,4,7,8,9",
        named name: String = "evidence"
    ) throws -> URL {
        let folder = tpm.file(name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try tpm.run(
            """
            quote -c \(handle) -l \(pcrs) -q \(nonce.hexadecimal) -m \(name)/quote.msg -s \(name)/quote.sig \
            -o \(name)/quote.pcrs -F values
            """)
        try Data(EventLog.bytes(of: events, banks: Self.banks)).write(to: Evidence.log(in: folder))
        return folder
    }
}

extension LaunchPrediction {
    /// All that UEFI firmware measures besides, with Secure Boot on or off.
    func started(secureBoot: Bool = true) -> [MeasuredEvent] {
        let guid: [UInt8] = [
            0x61, 0xDF, 0xE4, 0x8B, 0xCA, 0x93, 0xD2, 0x11, 0xAA, 0x0D, 0x00, 0xE0, 0x98, 0x03, 0x2B, 0x8C,
        ]
        let variable =
            guid + [UInt8](memoryOf: UInt64(10)) + [UInt8](memoryOf: UInt64(1))
            + "SecureBoot".utf8.flatMap { [$0, 0] } + [secureBoot ? 1 : 0]
        let separators = [0, 1, 2, 3, 5, 6, 7].map {
            MeasuredEvent(pcr: $0, kind: .separator, data: [0, 0, 0, 0])
        }
        return [
            MeasuredEvent(pcr: 0, kind: .init(rawValue: 8), text: "a firmware's version"),
            MeasuredEvent(pcr: 7, kind: .variable, data: variable), events[0], events[1],
        ] + separators + events.dropFirst(2)
    }
}
