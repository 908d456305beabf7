import Foundation
import FrostFormat
import FrostImage
@testable import FrostMachine
import FrostSilicon
import FrostSupport
import Testing

extension BootTests {
    /// The silicon image where there is no silicon: each experiment reports, and no result proves anything.
    @Suite("Silicon image") struct SiliconImage {
        struct Row: Sendable, CustomTestStringConvertible {
            var platform = Platform.qemuTCG
            var cpu: CPUChoice?
            var firmware = Firmware.bios
            var chipset = Board.Chipset.pc
            /// What does not end well, and how.
            var outcomes: [String: SiliconOutcome]
            /// Of ``SiliconMachine/doubt``.
            var doubt: String

            var testDescription: String {
                "\(platform.rawValue), \(cpu.map { "\($0)" } ?? "its own CPU"), \(firmware.rawValue), \(chipset.rawValue)"
            }
        }

        /// On any machine that is no PC of today.
        private static let everywhere: [String: SiliconOutcome] = [
            "guard.fault": .fault, "guard.hang": .hung, "cldemote": .absent, "cat": .absent, "ept": .unbuilt,
            "misspath": .unbuilt,
        ]
        /// QEMU's machine has no System Management Mode, and TCG counts nothing.
        private static let qemu = everywhere.merging(
            ["misses": .absent, "smi": .absent, "smi.invd": .absent]) { $1 }
        private static let hypervisor = "a hypervisor is below"
        private static let tooFast = "no CPU is as fast"

        static let rows = [
            Row(outcomes: qemu, doubt: hypervisor),
            Row(cpu: .named("EPYC-Rome"), chipset: .q35, outcomes: qemu, doubt: hypervisor),
            Row(cpu: .named("Skylake-Server"), outcomes: qemu, doubt: hypervisor),
            Row(cpu: .named("Skylake-Server,-hypervisor"), outcomes: qemu, doubt: tooFast),
            Row(firmware: .uefi, outcomes: qemu, doubt: hypervisor),
            Row(
                cpu: .named("Skylake-Server"), firmware: .uefi, chipset: .q35, outcomes: qemu,
                doubt: hypervisor),
            Row(platform: .bochs, cpu: .intel, outcomes: everywhere, doubt: tooFast),
            Row(
                platform: .bochs, cpu: .amd, outcomes: everywhere.merging(["misses": .absent]) { $1 },
                doubt: tooFast),
        ]

        private static let made = Result { () throws -> (ScratchFolder, BootImage) in
            let scratch = try ScratchFolder(), file = scratch.file("stick.img")
            try ImageBuilder(tree: BootTests.tree()).makeSilicon(at: file)
            return (scratch, try BootImage(reading: file))
        }

        @Test(
            "Each experiment reports; one that faults and one that hangs on purpose cost themselves; nothing is proven",
            .timeLimit(.minutes(3)), arguments: rows)
        func reports(row: Row) throws {
            var options = RunOptions()
            (options.platform, options.cpu, options.until) = (row.platform, row.cpu, SiliconResult.done)
            options.board = try Board(chipset: row.chipset, firmware: row.firmware)
            let run = try Run(Self.made.get().1, options: options).boot()
            #expect(run.exitCode == .asAsked, run.story)
            let result = try SiliconResult(Array(run.consoleText.utf8), named: "it")
            for kind in SiliconRow.all where kind.name != "brand" && kind.name != "msr" {
                let outcomes = Set(result[kind.name].map(\.outcome))
                #expect(outcomes == [row.outcomes[kind.name] ?? .ok], "\(kind.name): \(outcomes)")
            }
            #expect(result.line("boot")["uefi"] == (row.firmware == .bios ? 0 : 1))
            for line in result.lines {
                // No emulator drops what was written: what is kept is what was never there.
                if let marks = line.marks { #expect(marks.kept == 0, "\(line.row.name)") }
            }
            let report = SiliconReport(result)
            #expect(report.machine.doubt?.contains(row.doubt) == true, "\(report.machine.doubt ?? "none")")
            #expect(report.exitCode == .notProvable)
            #expect(report.findings.allSatisfy { $0.verdict == .notTested })
        }

        /// What the screen shows, in a BIOS's text mode and in UEFI's framebuffer.
        @Test("The pages stand on the screen", .timeLimit(.minutes(2)), arguments: [Firmware.bios, .uefi])
        func screen(firmware: Firmware) throws {
            let (scratch, image) = try Self.made.get()
            let picture = scratch.file("\(firmware.rawValue).ppm").plainPath
            let socket = scratch.file("qmp-\(firmware.rawValue)").plainPath
            let qemu = QEMU(
                accelerator: .tcg, image: image.file, disk: .ahci, ram: image.plan.ram,
                board: try Board(firmware: firmware), ramFile: scratch.file("ram"),
                trace: scratch.file("trace"), controlSocket: socket)
            var (program, arguments) = try qemu.command.bound()
            let screen = try #require(arguments.firstIndex(of: "-vga"))
            arguments[screen + 1] = "std"
            let child = try ChildProcess(program, arguments, input: .pipe, output: .pipe)
            defer { kill(child.identifier, SIGKILL) }
            var console: [UInt8] = []
            while !String(decoding: console, as: UTF8.self).contains(SiliconResult.done) {
                guard let bytes = Descriptor.read(child.output), !bytes.isEmpty else { break }
                console += bytes
            }
            let result = try SiliconResult(console, named: "it")
            #expect(result.line("boot")["screen"] == (firmware == .bios ? 1 : 2))
            let qmp = try QMP(connecting: socket)
            sleep(1)
            try qmp.execute("screendump", ["filename": picture])
            let pixels = [UInt8](try Data(contentsOf: URL(filePath: picture)))
            let lit = pixels.count { $0 > 128 }
            // Of some 600 characters, each a few dots; and all else is black.
            #expect(lit > 3 * 2000 && lit < pixels.count / 8, "\(lit) of \(pixels.count)")
        }
    }
}
