package import FrostSupport

/// What a TPM says of its PCRs, and signs.
///
/// - Shape: TPMS_ATTEST, big-endian.
/// - Source: TPM 2.0 Library 1.59, part 2, 10.12.12 "TPMS_ATTEST".
package struct Quote: Sendable, Equatable {
    /// Of the PCRs selected, in this order.
    package struct Selection: Sendable, Equatable {
        package var bank: PCRBank
        package var pcrs: [Int]
    }

    /// What the quote was asked with.
    package let nonce: [UInt8]
    /// How often the TPM was started from nothing, and how often it woke again since.
    package let resets: UInt32
    package let restarts: UInt32
    package let selections: [Selection]
    /// Over the values of the PCRs selected.
    package let digest: [UInt8]

    private static let magic: UInt32 = 0xFF54_4347
    private static let type: UInt16 = 0x8018
    package static let mostBytes = 4 << 10
    package static let pcrs = 24

    /// - Throws: ``QuoteFailure/damaged(_:what:)``
    package init(_ bytes: [UInt8], named file: String) throws(QuoteFailure) {
        do throws(ByteReader.Problem) {
            var reader = ByteReader(bytes)
            // Without it, it could be anything that somebody had a key of the TPM's sign.
            guard try reader.big(UInt32.self) == Self.magic else { throw .init("it is no TPM's own word") }
            guard try reader.big(UInt16.self) == Self.type else {
                throw .init("it is no quote, but of another type")
            }
            _ = try reader.sized()  // the signer's name
            nonce = try reader.sized()
            _ = try reader.big(UInt64.self)  // clock
            (resets, restarts) = (try reader.big(UInt32.self), try reader.big(UInt32.self))
            _ = try reader.take(1 + 8)  // whether the clock is safe; the TPM's firmware
            let count = try reader.big(UInt32.self)
            guard (1...16).contains(count) else { throw .init("it selects from \(count) banks") }
            var selections: [Selection] = []
            for _ in 0..<count {
                let selection = try Self.selection(&reader)
                guard !selections.contains(where: { $0.bank == selection.bank }) else {
                    throw .init("it names a bank twice")
                }
                selections.append(selection)
            }
            self.selections = selections
            digest = try reader.sized()
            guard reader.isAtEnd else { throw .init("it has bytes too many") }
        } catch { throw .damaged(file, what: error.text) }
    }

    private static func selection(_ reader: inout ByteReader) throws(ByteReader.Problem) -> Selection {
        let number = try reader.big(UInt16.self)
        guard let bank = PCRBank(number: number) else { throw .init("it has a bank that is not known") }
        let bits = try reader.take(Int(try reader.big(UInt8.self)))
        let pcrs = (0..<bits.count * 8).filter { bits[$0 / 8] >> ($0 % 8) & 1 == 1 }
        guard pcrs.allSatisfy({ $0 < Self.pcrs }) else { throw .init("it has a PCR that there is not") }
        return Selection(bank: bank, pcrs: pcrs)
    }

    /// - Returns: nil, where a value is missing.
    package func digest(of values: [PCRBank: [Int: [UInt8]]]) -> [UInt8]? {
        var all: [UInt8] = []
        for selection in selections {
            for pcr in selection.pcrs {
                guard let value = values[selection.bank]?[pcr] else { return nil }
                all += value
            }
        }
        return PCRBank.sha256.hash(all)
    }

    /// Values back to back, as `tpm2_quote -F values` writes them; nil: they are not as many as were quoted.
    package func values(_ bytes: [UInt8]) -> [PCRBank: [Int: [UInt8]]]? {
        var values: [PCRBank: [Int: [UInt8]]] = [:], rest = bytes[...]
        for selection in selections {
            for pcr in selection.pcrs {
                guard rest.count >= selection.bank.bytes else { return nil }
                values[selection.bank, default: [:]][pcr] = Array(rest.prefix(selection.bank.bytes))
                rest = rest.dropFirst(selection.bank.bytes)
            }
        }
        return rest.isEmpty ? values : nil
    }
}

/// A quote's signature, by SHA-256.
///
/// - Shape: TPMT_SIGNATURE, big-endian.
/// - Source: TPM 2.0 Library 1.59, part 2, 11.3.4 "TPMT_SIGNATURE".
package enum QuoteSignature: Sendable, Equatable {
    /// RSASSA-PKCS1-v1_5.
    case rsa([UInt8])
    case ecdsa(r: [UInt8], s: [UInt8])

    package static let mostBytes = 1 << 10

    /// - Throws: ``QuoteFailure/damaged(_:what:)``
    package init(_ bytes: [UInt8], named file: String) throws(QuoteFailure) {
        do throws(ByteReader.Problem) {
            var reader = ByteReader(bytes)
            let scheme = try reader.big(UInt16.self)
            guard try reader.big(UInt16.self) == PCRBank.sha256.number else {
                throw .init("it is not made by SHA-256")
            }
            switch scheme {
            case 0x0014: self = .rsa(try reader.sized())
            case 0x0018: self = .ecdsa(r: try reader.sized(), s: try reader.sized())
            default: throw .init("it is neither RSASSA nor ECDSA")
            }
            guard reader.isAtEnd else { throw .init("it has bytes too many") }
        } catch { throw .damaged(file, what: error.text) }
    }
}

/// Why what a TPM is to have made is not that.
package enum QuoteFailure: Explained, Equatable {
    case damaged(String, what: String)

    package var exitCode: ExitCode { .badInput }

    package var description: String {
        switch self {
        case .damaged(let file, let what):
            "\(file) is not what a TPM makes: \(what). Take it again, as docs/guide/attestation.md says."
        }
    }
}
