@testable import FrostFormat
@testable import FrostMachine
@testable import FrostSupport
import Foundation
import Testing

/// Chipset, IOMMU and devices of a machine.
@Suite struct BoardTests {
    @Test("An IOMMU comes with the chipset that has one, and with no other")
    func chipset() throws {
        #expect(try Board().chipset == .pc)
        #expect(try Board(iommu: .amd).chipset == .q35)
        #expect(try Board(chipset: .q35).iommu == .none)
        #expect(throws: Board.Failure.noIOMMU(.pc)) { try Board(chipset: .pc, iommu: .intel) }
    }

    @Test("A device without an IOMMU before it must be asked for twice")
    func devices() throws {
        #expect(throws: Board.Failure.unprotected("edu")) { try Board(devices: ["edu"]) }
        #expect(try Board(devices: ["edu"], allowsUnprotectedDMA: true).devices == ["edu"])
        #expect(try Board(iommu: .intel, devices: ["edu"]).devices == ["edu"])
        #expect(Board.Failure.unprotected("edu").description.contains("--allow-unprotected-dma"))
    }

    @Test("QEMU's command line has chipset, IOMMU and devices, in this order")
    func commandLine() throws {
        let board = try Board(iommu: .intel, devices: ["edu", "edu,id=other"])
        for disk in [QEMU.Disk.ahci, .ide] {
            let qemu = QEMU(
                accelerator: .tcg, image: URL(filePath: "/x.img"), disk: disk, ram: 64 * .mebibyte,
                board: board,
                ramFile: URL(filePath: "/x.ram"), trace: URL(filePath: "/trace.bin"),
                controlSocket: "/x.qmp")
            let words = qemu.arguments.joined(separator: " ")
            #expect(words.contains("-machine q35,smm=off,memory-backend=ram"))
            #expect(words.contains("-device intel-iommu -device edu -device edu,id=other"))
            #expect(words.contains(disk == .ahci ? "bus=ide.0" : "-device piix3-ide,id=pio"))
            #expect(!words.contains("ich9-ahci"))
        }
    }

    @Test("Where q35 divides RAM otherwise than pc, it is refused")
    func ram() throws {
        let board = try Board(chipset: .q35)
        try board.check(ram: 2815 * .mebibyte)
        #expect(throws: Board.Failure.tooMuchRAM(2816 * .mebibyte)) { try board.check(ram: 2816 * .mebibyte) }
        try Board().check(ram: 4 * .gibibyte)
    }
}
