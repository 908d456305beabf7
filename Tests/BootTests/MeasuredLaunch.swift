import Foundation
import FrostAttest
import FrostCore
import FrostFormat
@testable import FrostImage
@testable import FrostMachine
import FrostSupport
import Testing

extension BootTests {
    /// What the TPM holds when Linux has it, against what is predicted, and what its event log tells.
    @Suite("Measured launch") struct MeasuredLaunch {
        struct Row: Sendable, CustomTestStringConvertible {
            var firmware: Firmware
            var tpm: TPMInterface
            var platform = Platform.qemuTCG

            var testDescription: String { "\(firmware.rawValue), \(tpm.rawValue), \(platform.rawValue)" }
        }

        static let rows =
            [
                Row(firmware: .bios, tpm: .crb), Row(firmware: .uefi, tpm: .fifo, platform: .libvirt),
            ]
            + (BootTests.isFull
                ? [
                    Row(firmware: .bios, tpm: .fifo, platform: .libvirt), Row(firmware: .uefi, tpm: .crb),
                ] : [])

        /// PCRs that no event of the log is missing from; Linux measures into PCR 10 what its log has not.
        static let firmwarePCRs = 0...9

        @Test(
            "A TPM holds what is predicted, and the guest's event log leads to it, in each bank",
            .timeLimit(.minutes(5)), arguments: rows)
        func measured(row: Row) throws {
            let sealed = try Self.sealed()
            let result = try Self.run(sealed, on: row)
            #expect(result.trace.fact(.tpm) == UInt64(row.tpm.number))
            let held = try Self.held(result.consoleText)
            let log = try Self.log(result.consoleText)
            let prediction = try LaunchPrediction(of: sealed.image, phase: .launched)
            let predicted = row.firmware == .bios ? [8, 9] : [4, 8, 9]
            #expect(log.banks.count == held.count && held.count == 4, "each bank of swtpm's")
            for bank in log.banks {
                let told = log.values(in: bank), expected = prediction.values(in: bank)
                for pcr in Self.firmwarePCRs {
                    #expect(held[bank]?[pcr] == told[pcr], "\(bank.rawValue), PCR \(pcr)")
                }
                for pcr in predicted {
                    #expect(held[bank]?[pcr] == expected[pcr], "\(bank.rawValue), PCR \(pcr)")
                }
            }
        }

        static let missing = ["unmeasured-header", "unmeasured-launch", "untold-events"]
        static let refused = "refused-event"
        static let faults = missing + [refused]

        @Test("What is not measured, or not told, is found out", .timeLimit(.minutes(5)))
        func unmeasured() throws {
            let sealed = try Self.sealed(Self.missing)
            let result = try Self.run(sealed, on: Row(firmware: .bios, tpm: .fifo))
            let held = try #require(Self.held(result.consoleText)[.sha256])
            let expected = try LaunchPrediction(of: sealed.image, phase: .launched).values(in: .sha256)
            let unlocked = try LaunchPrediction(of: sealed.image, phase: .unlocked).values(in: .sha256)
            #expect(held[9] != expected[9] && held[9] == PCRBank.sha256.initial(9))
            #expect(held[8] != expected[8] && held[8] == unlocked[8])
            let told = try Self.log(result.consoleText).values(in: .sha256)
            #expect(told[8] != held[8])
            #expect(told[4] == held[4], "the firmware's part of the log is there")
        }

        @Test(
            "A TPM that refuses ends the launch by name", .timeLimit(.minutes(2)),
            arguments: TPMInterface.allCases)
        func refusing(tpm: TPMInterface) throws {
            let result = try Sealed("hello", faults: [Self.refused]).run {
                $0.board.tpm = SoftwareTPM(tpm)
                ($0.ending, $0.panic, $0.expected) = (.panic, .tpm, [])
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(!result.consoleText.contains("hello: "))
        }

        // MARK: -

        private static func sealed(_ faults: [String] = []) throws -> Sealed {
            try Sealed("linux", faults: faults) {
                $0.ram = 512 * .mebibyte
                $0.commandLine = "console=ttyS0,115200 panic=-1 libata.dma=0 frost.job=tpm"
            }
        }

        private static func run(_ sealed: Sealed, on row: Row) throws -> RunResult {
            let result = try sealed.run {
                $0.platform = row.platform
                $0.board = try Board(firmware: row.firmware)
                $0.board.tpm = SoftwareTPM(row.tpm)
                $0.timeLimit = TimeSpan(.seconds(240))
                $0.expected = ["frost: end of the event log"]
            }
            #expect(result.exitCode == .asAsked, result.story)
            return result
        }

        /// By bank and PCR, as the guest's kernel has read them.
        private static func held(_ console: String) throws -> [PCRBank: [Int: [UInt8]]] {
            var held: [PCRBank: [Int: [UInt8]]] = [:]
            for match in console.matches(of: #/frost: PCR (sha\d+)\/(\d+): ([0-9A-F]+)/#) {
                let bank = try #require(PCRBank(rawValue: String(match.1)))
                held[bank, default: [:]][try #require(Int(match.2))] = bytes(match.3)
            }
            return held
        }

        private static func bytes(_ digits: Substring) -> [UInt8] {
            stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(digits.dropFirst($0).prefix(2), radix: 16)
            }
        }

        private static func log(_ console: String) throws -> EventLog {
            let lines = console.split(whereSeparator: \.isNewline)
            let first = try #require(lines.firstIndex { $0.hasSuffix("frost: event log") })
            let last = try #require(lines.firstIndex { $0.hasSuffix("frost: end of the event log") })
            let data = try #require(Data(base64Encoded: lines[(first + 1)..<last].joined()))
            return try EventLog([UInt8](data), named: "the guest's event log")
        }
    }
}
