import Foundation
import FrostAttest
import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// Event logs: one that OVMF wrote, as tpm2-tools read it, and those that are none.
@Suite("Event logs") struct EventLogTests {
    /// Of Debian's ovmf 2022.11 with three banks, an image of ours started: found in the machine's RAM.
    private static let ovmf = SourceTree.underTest.root.appending(
        path: "Tests/InputFuzzTests/Corpus/event-log/ovmf")

    private static func log(_ bytes: [UInt8]) throws -> EventLog { try EventLog(bytes, named: "it") }

    private static let events = [
        MeasuredEvent(pcr: 0, kind: .noAction, data: Array("StartupLocality\0".utf8) + [3]),
        MeasuredEvent(pcr: 0, kind: .init(rawValue: 8), data: [1, 2, 3]),
        MeasuredEvent(pcr: 9, kind: .initialProgramLoader, text: "frostvisor: header sha256:00"),
        MeasuredEvent(pcr: 17, kind: .init(rawValue: 0x501), data: []),
    ]

    @Test("OVMF's log leads to the PCRs that tpm2-tools say, in each bank")
    func replayed() throws {
        let log = try EventLog(reading: Self.ovmf)
        #expect(log.banks == [.sha1, .sha256, .sha384] && log.events.count == 24)
        let said = String(
            decoding: try Tool.tpm2.run(["eventlog", Self.ovmf.plainPath], for: "read a log"), as: UTF8.self)
        let pcrs = try #require(said.split(separator: "\npcrs:").last)
        let texts = pcrs.split(separator: "  sha").suffix(log.banks.count)
        for (bank, text) in zip(log.banks, texts) {
            let values = log.values(in: bank)
            let lines = text.matches(of: /(\d+) +: 0x([0-9a-f]+)/)
            #expect(lines.count >= 8)
            for line in lines {
                #expect(values[try #require(Int(line.1))]?.hexadecimal == String(line.2), "\(bank) \(line.1)")
            }
        }
        let four = log.events.filter { $0.pcr == 4 }
        #expect(four.map(\.kind) == [.action, .separator, .application])
        #expect(four[0].text == "Calling EFI Application from Boot Option")
        #expect(four[0].isToldTruly(in: .sha384) && !four[2].isToldTruly(in: .sha384))
    }

    @Test("A log is read as it was written; where the machine started stands in PCR 0")
    func written() throws {
        let log = try Self.log(EventLog.bytes(of: Self.events, banks: [.sha256, .sha1]))
        #expect(log.banks == [.sha256, .sha1])
        #expect(log.events.map(\.data) == Self.events.map(\.data))
        let start = [UInt8](repeating: 0, count: 31) + [3], dynamic = [UInt8](repeating: 0xFF, count: 20)
        let values = log.values(in: .sha256)
        #expect(values[0] == PCRBank.sha256.hash(start + PCRBank.sha256.hash([1, 2, 3])))
        #expect(
            values[1] == [UInt8](repeating: 0, count: 32) && values[18] == [UInt8](repeating: 0xFF, count: 32)
        )
        #expect(log.values(in: .sha1)[17] == PCRBank.sha1.hash(dynamic + PCRBank.sha1.hash([])))
        #expect(try Self.log(EventLog.bytes(of: [], banks: [.sha512])).events.isEmpty)
    }

    @Test("A log that is cut within an event, or goes on behind its last, is refused at whichever byte")
    func cut() throws {
        let bytes = EventLog.bytes(of: Self.events, banks: [.sha1, .sha256])
        var ends: Set<Int> = []
        for count in 0...Self.events.count {
            ends.insert(EventLog.bytes(of: Array(Self.events.prefix(count)), banks: [.sha1, .sha256]).count)
        }
        for count in 0..<bytes.count where !ends.contains(count) {
            let refusal = #expect(throws: EventLog.Failure.self) { try Self.log(Array(bytes.prefix(count))) }
            #expect(refusal?.exitCode == .badInput && refusal?.description.contains("too early") == true)
        }
        #expect(throws: EventLog.Failure.self) { try Self.log(bytes + [0]) }
        #expect(throws: EventLog.Failure.self) { try Self.log(bytes + [UInt8](repeating: 0xFF, count: 64)) }
    }

    @Test(
        "What is no log is refused in a sentence",
        arguments: [
            (0, 1, "does not begin as a log"), (4, 4, "does not begin as a log"), (9, 1, "does not begin"),
            (36, 0, "does not begin as a log"), (56, 0, "names 0 hashes"), (56, 9, "names 9 hashes"),
            (64, 4, "is named twice"), (62, 21, "with a size that it does not have"), (28, 255, "too early"),
            (28, 38, "bytes too many"), (69, 24, "event 2: there is no PCR 24"),
            (77, 3, "event 2: it has not one digest of each"), (81, 5, "event 2: it has not one digest"),
            (103, 4, "event 2: it has not one digest"), (140, 127, "event 2: it ends too early"),
        ])
    func forged(at: Int, byte: Int, words: String) throws {
        var bytes = EventLog.bytes(of: [Self.events[2]], banks: [.sha1, .sha256])
        if at == 28 && byte == 38 { bytes.insert(0, at: 69) }
        bytes[at] = UInt8(byte)
        let refusal = #expect(throws: EventLog.Failure.self) { try Self.log(bytes) }
        #expect(refusal?.description.contains(words) == true, "\(refusal?.description ?? "")")
    }

    @Test("A start is told once, before anything is measured, and of a place that there is")
    func locality() throws {
        func refused(_ events: [MeasuredEvent]) {
            #expect(throws: EventLog.Failure.self) {
                try Self.log(EventLog.bytes(of: events, banks: [.sha256]))
            }
        }
        refused([Self.events[1], Self.events[0]])
        refused([MeasuredEvent(pcr: 0, kind: .noAction, data: Array("StartupLocality\0".utf8) + [9])])
        refused([MeasuredEvent(pcr: 0, kind: .noAction, data: Array("StartupLocality\0".utf8))])
    }

    @Test("A file that is missing, a folder, or without end is refused")
    func files() throws {
        let scratch = try Scratch()
        let nowhere = scratch.url.appending(path: "nowhere")
        for (file, code) in [
            (nowhere, ExitCode.noSuchFile), (scratch.url, .inputOutput),
            (URL(filePath: "/dev/zero"), .badInput),
        ] {
            let refusal = #expect(throws: (any Error).self) { try EventLog(reading: file) } as? any Explained
            #expect(refusal?.exitCode == code && refusal?.description.isEmpty == false)
        }
    }
}
