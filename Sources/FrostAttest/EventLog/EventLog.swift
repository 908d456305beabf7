package import Foundation
package import FrostSupport

/// What firmware and hypervisor say they have measured. Nobody vouches for it but a quote of the PCRs that it leads to.
///
/// - Shape: TCG_PCR_EVENT, which tells the banks, then TCG_PCR_EVENT2 one after another, little-endian. Nothing else.
/// - Source: TCG PC Client Platform Firmware Profile 1.06, 10.2 "Measurement Event Entries" and 10.4.5.1 "Specification ID
///   Version Event".
package struct EventLog: Sendable {
    /// In the order of the file, which is that of measuring.
    package private(set) var banks: [PCRBank] = []
    /// Without the first, which is about the log itself.
    package private(set) var events: [MeasuredEvent] = []
    /// Where the first instruction ran: it stands in PCR 0's first value.
    private var locality: UInt8 = 0

    package static let mostBytes = 4 << 20
    private static let signature = Array("Spec ID Event03\0".utf8)
    private static let localitySignature = Array("StartupLocality\0".utf8)
    private static let pcrs = 24

    /// - Throws: ``Failure``
    package init(reading file: URL) throws {
        try self.init(BoundedFile.bytes(of: file, most: Self.mostBytes), named: file.plainPath)
    }

    /// - Throws: ``Failure/damaged(_:what:)``
    package init(_ bytes: [UInt8], named name: String) throws(Failure) {
        do throws(ByteReader.Problem) {
            var reader = ByteReader(bytes)
            let algorithms = try Self.start(&reader)
            banks = algorithms.compactMap { PCRBank(number: $0.number) }
            while !reader.isAtEnd { try add(from: &reader, algorithms) }
        } catch { throw .damaged(name, what: error.text) }
    }

    private mutating func add(
        from reader: inout ByteReader, _ algorithms: [Algorithm]
    ) throws(ByteReader.Problem) {
        do throws(ByteReader.Problem) {
            try add(try Self.event(&reader, algorithms))
        } catch { throw error.during("event \(events.count + 2)") }
    }

    private typealias Algorithm = (number: UInt16, bytes: Int)

    /// The event that tells which digests each of the others has.
    private static func start(_ reader: inout ByteReader) throws(ByteReader.Problem) -> [Algorithm] {
        let (pcr, kind) = (try reader.little(UInt32.self), try reader.little(UInt32.self))
        let digest = try reader.take(PCRBank.sha1.bytes)
        var facts = ByteReader(try reader.take(Int(try reader.little(UInt32.self))))
        guard pcr == 0, kind == MeasuredEvent.Kind.noAction.rawValue, digest.isZero,
            try facts.take(signature.count) == signature
        else { throw .init("it does not begin as a log of TPM 2.0 does") }
        _ = try facts.take(8)  // platform class, version, size of a word
        let count = try facts.little(UInt32.self)
        guard (1...8).contains(count) else { throw .init("it names \(count) hashes") }
        var algorithms: [Algorithm] = []
        for _ in 0..<count {
            let number = try facts.little(UInt16.self), bytes = Int(try facts.little(UInt16.self))
            guard (1...64).contains(bytes), PCRBank(number: number).map({ $0.bytes == bytes }) ?? true,
                !algorithms.contains(where: { $0.number == number })
            else {
                throw .init(
                    "the hash \(number.hexadecimal) is named twice, or with a size that it does not have")
            }
            algorithms.append((number, bytes))
        }
        _ = try facts.take(Int(try facts.little(UInt8.self)))
        guard facts.isAtEnd else { throw .init("its first event has bytes too many") }
        return algorithms
    }

    private static func event(
        _ reader: inout ByteReader, _ algorithms: [Algorithm]
    ) throws(ByteReader.Problem) -> MeasuredEvent {
        let pcr = try reader.little(UInt32.self)
        let kind = MeasuredEvent.Kind(rawValue: try reader.little(UInt32.self))
        // Linux shows events that concern no PCR with what stands there.
        guard pcr < pcrs || kind == .noAction else { throw .init("there is no PCR \(pcr)") }
        guard try reader.little(UInt32.self) == algorithms.count else {
            throw .init("it has not one digest of each hash that the log names")
        }
        var digests: [PCRBank: [UInt8]] = [:], seen: Set<UInt16> = []
        for _ in algorithms {
            let number = try reader.little(UInt16.self)
            guard let algorithm = algorithms.first(where: { $0.number == number }),
                seen.insert(number).inserted
            else { throw .init("it has not one digest of each hash that the log names") }
            let digest = try reader.take(algorithm.bytes)
            if let bank = PCRBank(number: number) { digests[bank] = digest }
        }
        let data = try reader.take(Int(try reader.little(UInt32.self)))
        return MeasuredEvent(pcr: Int(pcr), kind: kind, data: data, digests: digests)
    }

    private mutating func add(_ event: MeasuredEvent) throws(ByteReader.Problem) {
        if event.kind == .noAction, event.data.starts(with: Self.localitySignature) {
            guard event.data.count == Self.localitySignature.count + 1, let last = event.data.last,
                [0, 3, 4].contains(last), !events.contains(where: { $0.pcr == 0 && $0.kind != .noAction })
            else { throw .init("it tells a locality that no start has, or too late") }
            locality = last
        }
        events.append(event)
    }

    /// What the PCRs hold when all of it is true; those without an event hold what they start with.
    package func values(in bank: PCRBank) -> [Int: [UInt8]] {
        var values = Dictionary(uniqueKeysWithValues: (0..<Self.pcrs).map { ($0, bank.initial($0)) })
        values[0]?[bank.bytes - 1] = locality
        for event in events where event.kind != .noAction {
            guard let digest = event.digests[bank], let value = values[event.pcr] else { continue }
            values[event.pcr] = bank.extend(value, with: digest)
        }
        return values
    }

    package enum Failure: Explained, Equatable {
        case damaged(String, what: String)

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .damaged(let name, let what):
                """
                \(name) is no whole event log: \(what). Take it again from the machine, \
                /sys/kernel/security/tpm0/binary_bios_measurements.
                """
            }
        }
    }
}

extension EventLog {
    /// As firmware would write it.
    package static func bytes(of events: [MeasuredEvent], banks: [PCRBank]) -> [UInt8] {
        var facts = signature + [0, 0, 0, 0, 0, 2, 0, 2] + [UInt8](memoryOf: UInt32(banks.count))
        for bank in banks { facts += [UInt8](memoryOf: bank.number) + [UInt8](memoryOf: UInt16(bank.bytes)) }
        facts.append(0)
        var bytes = [UInt8](memoryOf: UInt32(0)) + [UInt8](memoryOf: MeasuredEvent.Kind.noAction.rawValue)
        bytes += [UInt8](repeating: 0, count: 20) + [UInt8](memoryOf: UInt32(facts.count)) + facts
        for event in events {
            bytes += [UInt8](memoryOf: UInt32(event.pcr)) + [UInt8](memoryOf: event.kind.rawValue)
            bytes += [UInt8](memoryOf: UInt32(banks.count))
            for bank in banks {
                bytes += [UInt8](memoryOf: bank.number)
                bytes += event.digests[bank] ?? [UInt8](repeating: 0, count: bank.bytes)
            }
            bytes += [UInt8](memoryOf: UInt32(event.data.count)) + event.data
        }
        return bytes
    }
}
