import FrostCore
import FrostFormat
@testable import FrostImage
@testable import FrostMachine
import FrostSupport
import Testing

extension BootTests {
    /// Pages that a guest shares with a device by the SEV guest interface: the guest `shared`.
    @Suite("Shared pages") struct Shared {
        /// With what the guest, or its device, finds.
        static let controls = [
            ("shared-old-bytes", "shared: zeroes when shared: WRONG"),
            ("shared-slot-mapped", "shared: neither name shows what the other had: WRONG"),
            ("shared-runs", "shared: code in a shared page: RAN"),
            ("shared-never", "shared: zeroes when shared: WRONG"),
            ("shared-unasked", "shared: the device and a private page: REACHED"),
            ("shared-left", "shared: the device and a page that was taken back: REACHED"),
            ("shared-remembered", "shared: the device and a page that was taken back: REACHED"),
        ]
        static let faults = controls.map(\.0)

        private static func edu(behind iommu: Board.IOMMU) throws -> Board {
            try Board(chipset: .q35, iommu: iommu, devices: ["edu"], allowsUnprotectedDMA: true)
        }

        @Test(
            "A device moves data between shared pages, and reaches neither a private one nor one that was taken back",
            .timeLimit(.minutes(3)), arguments: [Board.IOMMU.intel, .amd])
        func device(iommu: Board.IOMMU) throws {
            let result = try Sealed("shared").run {
                $0.board = try Self.edu(behind: iommu)
                $0.expected += [
                    "shared: the device's registers: ok",
                    "shared: the device moves data between shared pages",
                    "shared: the device and a private page: held back",
                    "shared: the device and a page that was taken back: held back",
                    "shared: a page that was taken back is as it was: ok",
                ]
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(DMAProtection(fact: result.trace.fact(.dma)).passesShared)
            let shared = result.trace.count(.shared) ?? 0, takenBack = result.trace.count(.takenBack) ?? 0
            #expect(takenBack > 2 && shared > takenBack, result.story)
            #expect(result.trace.fact(.cBit)?.nonzeroBitCount == 1)
        }

        @Test("Without an IOMMU no device masters the bus, shared pages or not", .timeLimit(.minutes(3)))
        func unprotected() throws {
            let result = try Sealed("shared").run {
                $0.board = try Self.edu(behind: .none)
                $0.expected.append("shared: the device moves nothing")
            }
            #expect(result.exitCode == .asAsked, result.story)
        }

        @Test("An image without devices offers no C-bit", .timeLimit(.minutes(2)))
        func notOffered() throws {
            let result = try Sealed("shared") { $0.devices = DeviceSharing.none }.run {
                $0.board = try Self.edu(behind: .intel)
                $0.expected = ["shared: not offered"]
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(result.trace.fact(.cBit) == 0 && result.trace.count(.shared) == 0)
        }

        @Test(
            "Pages are shared alike on both vendors' CPUs", .timeLimit(.minutes(5)),
            arguments: [CPUChoice.amd, .intel])
        func vendors(cpu: CPUChoice) throws {
            let result = try Sealed("shared").run {
                ($0.platform, $0.cpu) = (.bochs, cpu)
                $0.timeLimit = TimeSpan(.seconds(280))
            }
            #expect(result.exitCode == .asAsked, result.story)
        }

        @Test("Each fault is found by the guest or its device", .timeLimit(.minutes(3)), arguments: controls)
        func control(fault: String, words: String) throws {
            let result = try Sealed("shared", faults: [fault]).run {
                $0.board = try Self.edu(behind: .intel)
                $0.expected = [words]
                // What the device then writes into the page's home is detected.
                if fault == "shared-left" || fault == "shared-remembered" {
                    ($0.ending, $0.panic) = (.panic, .integrity)
                }
            }
            #expect(result.exitCode == .asAsked, result.story)
        }
    }
}
