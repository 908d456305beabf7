import Foundation
import FrostCore
import FrostFormat
@testable import FrostImage
@testable import FrostMachine
@testable import FrostProof
import FrostSupport
import Testing

extension BootTests {
    /// One image, started by a BIOS, by UEFI, and by UEFI that demands a signature.
    @Suite("Firmware") struct FirmwareStarts {
        struct Row: Sendable, CustomTestStringConvertible {
            var firmware: Firmware
            var chipset = Board.Chipset.q35
            var iommu = Board.IOMMU.none
            var platform = Platform.qemuTCG

            var testDescription: String {
                "\(firmware.rawValue), \(chipset.rawValue), IOMMU \(iommu.rawValue), \(platform.rawValue)"
            }
        }

        static let rows =
            [
                Row(firmware: .bios),
                Row(firmware: .uefi, chipset: .pc),
                Row(firmware: .uefi, iommu: .intel, platform: .libvirt),
                Row(firmware: .uefiSecure),
            ]
            + (BootTests.isFull
                ? [
                    Row(firmware: .uefi), Row(firmware: .uefi, iommu: .amd),
                    Row(firmware: .uefiSecure, platform: .libvirt),
                ] : [])

        /// What firmware, and the board, may make different.
        static let otherFacts: Set<TraceFact> = [.guestRAMBytes, .dma]

        @Test(
            "One signed image starts from each firmware: the same guest, and the same facts in its trace",
            .timeLimit(.minutes(10)))
        func sameImage() throws {
            let sealed = try Sealed("hello") { $0.ram = 256 * .mebibyte }
            let image = try Self.signed(sealed)
            var expected: (lines: [Substring], facts: [TraceFact: UInt64])?
            for row in Self.rows {
                let result = try Self.run(image, sealed.recipe, on: row)
                #expect(result.exitCode == .asAsked, "\(row.testDescription): \(result.story)")
                let lines = result.consoleText.split(whereSeparator: \.isNewline)
                    .filter { $0.hasPrefix("hello: ") && !$0.contains("RAM ends") }
                let facts = result.trace.facts.filter { !Self.otherFacts.contains($0.key) }
                if let expected {
                    #expect(lines == expected.lines && facts == expected.facts, "\(row.testDescription)")
                }
                expected = expected ?? (lines, facts)
                #expect(lines.count >= 3)
                #expect(result.trace.noiseBytes == 0 && result.trace.lostFrames == 0)
            }
        }

        static let fault = "overwritten-pages"

        /// Its initrd goes to where OVMF has put the end of the image.
        @Test(
            "Linux finds all of its pages, and the firmware's tables, by which it powers the machine off",
            .timeLimit(.minutes(6)), arguments: [nil, fault])
        func linux(fault: String?) throws {
            let sealed = try Sealed("linux", faults: fault.map { [$0] } ?? []) { $0.ram = 256 * .mebibyte }
            let result = try sealed.run {
                $0.board = try Board(firmware: .uefi)
                $0.timeLimit = TimeSpan(.seconds(240))
                guard fault != nil else { return }
                ($0.ending, $0.panic, $0.expected) = (.panic, .integrity, [])
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(fault != nil || result.consoleText.contains("ACPI: RSDP 0x"))
        }

        @Test(
            "A signed image of which one bit has changed, or that is not signed, is not started",
            .timeLimit(.minutes(5)))
        func refused() throws {
            let sealed = try Sealed("hello") { $0.ram = 256 * .mebibyte }
            let signed = try Self.signed(sealed)
            let changed = sealed.scratch.file("changed.img")
            var bytes = [UInt8](try Data(contentsOf: signed.file))
            bytes[Int(signed.header.payload_lba) * 512 + 5000] ^= 1
            try Data(bytes).write(to: changed)
            for image in [try BootImage(reading: changed), sealed.image] {
                let result = try Self.run(
                    image, sealed.recipe, on: Row(firmware: .uefiSecure), until: "Access Denied")
                #expect(result.ending == .stopped, result.story)
                #expect(!result.consoleText.contains("frostvisor:"))
            }
        }

        @Test(
            "Firmware that keeps memory where an image puts something is named, in one line",
            .timeLimit(.minutes(2)))
        func conflict() throws {
            let sealed = try Sealed("hello") { ($0.ram, $0.frozen) = (128 * .mebibyte, 8 * .mebibyte) }
            #expect(throws: Firmware.Failure.littleRAM(128 * .mebibyte)) {
                try sealed.run { $0.board = try Board(firmware: .uefi) }
            }
            let qemu = QEMU(
                accelerator: .tcg, image: sealed.image.file, disk: .ahci, ram: 128 * .mebibyte,
                board: try Board(firmware: .uefi), ramFile: sealed.scratch.file("ram"),
                trace: sealed.scratch.file("trace"), controlSocket: sealed.scratch.file("qmp").plainPath)
            let (program, arguments) = try qemu.command.bound()
            let child = try ChildProcess(program, arguments, input: .pipe, output: .pipe)
            defer { kill(child.identifier, SIGKILL) }
            var console: [UInt8] = []
            while !String(decoding: console, as: UTF8.self).contains("more RAM") {
                guard let bytes = Descriptor.read(child.output), !bytes.isEmpty else { break }
                console += bytes
            }
            let text = String(decoding: console, as: UTF8.self)
            let line = text.split(whereSeparator: \.isNewline).first { $0.contains("keeps") }
            #expect(
                line?.contains(
                    #/frostvisor: the firmware keeps 0[0-9A-F]{7}h, where this image puts something/#)
                    == true, "\(text)")
        }

        /// By the key that Debian publishes with OVMF, which trusts it where `uefi-secure` is asked for.
        private static func signed(_ sealed: Sealed) throws -> BootImage {
            let key = sealed.scratch.file("key.pem"), place = sealed.scratch.file("signed.img")
            try Tool.bash.run(
                [
                    "-c",
                    "openssl rsa -in /usr/share/ovmf/PkKek-1-snakeoil.key -passin pass:snakeoil -out \(key.plainPath) 2>&1",
                ], for: "read the key of Debian's")
            try SecureBoot(key: key, certificate: URL(filePath: "/usr/share/ovmf/PkKek-1-snakeoil.pem"))
                .sign(sealed.image, to: place)
            return try BootImage(reading: place)
        }

        private static func run(
            _ image: BootImage, _ recipe: Recipe, on row: Row, until text: String? = nil
        ) throws -> RunResult {
            var options = RunOptions(recipe: recipe)
            options.platform = row.platform
            options.board = try Board(chipset: row.chipset, firmware: row.firmware, iommu: row.iommu)
            options.timeLimit = TimeSpan(.seconds(100))
            if let text {
                options.expected = []
                options.hooks = [Hook(.console(text)) { $0.stop() }]
            }
            return try Run(image, options: options).boot()
        }
    }
}
