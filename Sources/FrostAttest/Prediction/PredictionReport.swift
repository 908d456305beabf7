import FrostSupport

/// A prediction for people and for programs.
package struct PredictionReport: Codable, Sendable {
    package struct Event: Codable, Sendable {
        package var pcr: Int
        package var type: String
        package var text: String?
        package var digests: [PCRBank: String]
    }

    package var phase: LaunchPrediction.Phase
    /// SHA-256 of the authenticated header.
    package var header: String
    package var events: [Event]
    /// By bank and PCR.
    package var pcrs: [PCRBank: [String: String]]

    /// Those that firmware uses.
    package static let banks: [PCRBank] = [.sha1, .sha256, .sha384]

    package init(_ prediction: LaunchPrediction) {
        phase = prediction.phase
        header = prediction.header
        events = prediction.events.map { event in
            Event(
                pcr: event.pcr, type: event.kind.name, text: event.text,
                digests: Self.byBank { event.digests[$0]?.hexadecimal })
        }
        pcrs = Self.byBank { bank in
            Dictionary(
                uniqueKeysWithValues: prediction.values(in: bank).map { ("\($0)", $1.hexadecimal) })
        }
    }

    private static func byBank<Value>(_ value: (PCRBank) -> Value?) -> [PCRBank: Value] {
        Dictionary(uniqueKeysWithValues: banks.compactMap { bank in value(bank).map { (bank, $0) } })
    }

    private static func ordered(_ values: [String: String]) -> [(pcr: String, value: String)] {
        values.sorted { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }.map { ($0.key, $0.value) }
    }

    /// A file for systemd-pcrlock: what of the events is this image's own. What firmware says before each application has a
    /// file of systemd's.
    ///
    /// - Source: systemd.pcrlock(5).
    package var pcrlock: String {
        get throws {
            struct Lock: Encodable {
                var records: [Record]
            }
            struct Record: Encodable {
                var pcr: Int
                var digests: [Digest]
            }
            struct Digest: Encodable {
                var hashAlg: PCRBank
                var digest: String
            }
            let own = events.filter { $0.type != "EV_EFI_ACTION" && $0.type != "EV_SEPARATOR" }
            return try JSON.text(
                Lock(
                    records: own.map { event in
                        Record(
                            pcr: event.pcr,
                            digests: Self.banks.compactMap { bank in
                                event.digests[bank].map { Digest(hashAlg: bank, digest: $0) }
                            })
                    }))
        }
    }
}

extension PredictionReport: CustomStringConvertible {
    package var description: String {
        let told = events.map { event in
            let words = event.text ?? event.digests[.sha256].map { "sha256 \($0)" } ?? ""
            return "PCR \(event.pcr)        \(event.type)  \(words)"
        }
        let values = Self.banks.flatMap { bank in
            ["  \(bank.rawValue):"]
                + Self.ordered(pcrs[bank] ?? [:]).map {
                    "    \($0.pcr.padded(to: 2)): 0x\($0.value.uppercased())"
                }
        }
        return (["phase        \(phase.rawValue)"] + told + [""] + values).joined(separator: "\n")
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
