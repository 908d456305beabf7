import Foundation
import FrostCore
import FrostFormat
@testable import FrostImage
@testable import FrostMachine
import FrostProof
import FrostSupport
import Testing

extension BootTests {
    /// What devices that master the bus can reach, on a board with an IOMMU and on one without.
    @Suite("Devices") struct Devices {
        static let faults = ["vtd-left-off", "amdvi-no-entries", "iommu-deaf"]

        private static func edu(behind iommu: Board.IOMMU) throws -> Board {
            try Board(chipset: .q35, iommu: iommu, devices: ["edu"], allowsUnprotectedDMA: true)
        }

        private static func kind(_ iommu: Board.IOMMU) -> DMAProtection.Kind {
            switch iommu {
            case .none: .none
            case .intel: .vtd
            case .amd: .amdVi
            }
        }

        // MARK: the board

        struct BoardRow: Sendable, CustomTestStringConvertible {
            var guest: String
            var iommu: Board.IOMMU

            var testDescription: String { "\(guest) on q35, IOMMU \(iommu.rawValue)" }
        }

        static let boards = Board.IOMMU.allCases.flatMap { iommu in
            ["hello", "reset", "emulation", "registers", "realmode", "dma"].map {
                BoardRow(guest: $0, iommu: iommu)
            }
        }

        @Test(
            "A guest ends on q35 as its recipe says, and hears whether there is an IOMMU",
            .timeLimit(.minutes(3)), arguments: boards)
        func board(row: BoardRow) throws {
            let result = try Sealed(row.guest).run {
                $0.board = try Board(chipset: .q35, iommu: row.iommu)
                if row.guest == "dma" && row.iommu != .none { $0.mayMaster() }
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(DMAProtection(fact: result.trace.fact(.dma)).kind == Self.kind(row.iommu))
            let isTold = result.consoleText.contains("frostvisor: no IOMMU: devices reach all of memory")
            #expect(isTold == (row.iommu == .none), result.story)
        }

        @Test(
            "A device behind a bridge is held back by VT-d; AMD-Vi's table ends before it, and that is told",
            arguments: [Board.IOMMU.intel, .amd])
        func bridge(iommu: Board.IOMMU) throws {
            let result = try Sealed("hello").run {
                $0.board = try Board(
                    iommu: iommu, devices: ["pci-bridge,id=b,chassis_nr=1", "edu,bus=b,addr=1"])
            }
            #expect(result.exitCode == .asAsked, result.story)
            let isTold = result.consoleText.contains("frostvisor: the IOMMU stands before some devices alone")
            #expect(isTold == (iommu == .amd), result.story)
            #expect(DMAProtection(fact: result.trace.fact(.dma)).kind == (iommu == .amd ? .none : .vtd))
        }

        // MARK: a device that is driven from outside

        struct Row: Sendable, CustomTestStringConvertible {
            var iommu: Board.IOMMU
            var faults: [String] = []
            var reaches: Bool

            var testDescription: String { "IOMMU \(iommu.rawValue), \(faults.first ?? "no fault")" }
        }

        static let rows = [
            Row(iommu: .intel, reaches: false), Row(iommu: .amd, reaches: false),
            Row(iommu: .none, reaches: true),
            Row(iommu: .intel, faults: ["vtd-left-off"], reaches: true),
            Row(iommu: .amd, faults: ["amdvi-no-entries"], reaches: true),
        ]

        /// A guest that is there, and does nothing.
        private static func idle(in scratch: ScratchFolder) throws -> Recipe {
            let source = """
                #include "guest.h"
                int main(void)
                {
                    print("idle: ready\\n");
                    for (;;)
                        asm volatile("hlt");
                }

                """
            let facts = """
                {"summary": "waits", "kind": "long64", "sources": ["idle.c"], "ram": "64MiB", "frozen": "2MiB",
                 "timeout": "60s", "ending": "time-limit", "console": ["idle: ready"]}
                """
            try source.write(to: scratch.file("idle.c"), atomically: true, encoding: .utf8)
            try facts.write(to: scratch.file("guest.json"), atomically: true, encoding: .utf8)
            return try Recipe(folder: scratch.url)
        }

        /// Of each class of memory one place whose bytes nobody uses meanwhile, and which are not all zero.
        private static func targets(_ machine: Machine, _ image: BootImage) throws -> [(String, UInt64)] {
            let plan = image.plan, ram = try machine.ram
            func first(in range: Range<UInt64>) throws -> UInt64 {
                try #require(
                    stride(from: range.lowerBound, to: range.upperBound, by: 64).first {
                        try ram.read(at: $0, count: 64).contains { $0 != 0 }
                    })
            }
            /// A slot that is free, and frames whose pages have a slot, are zero.
            func filled(_ address: UInt64) throws -> UInt64 {
                try ram.write([UInt8](1...64), at: address)
                return address
            }
            let payload = image.runs.map { ($0.home, $0.home + UInt64($0.pages) * UInt64(PAGE_BYTES)) }
            let home = try #require(payload.first { $0.0 < plan.metaBase })
            let tables = MemoryMap(plan, lowRAMBytes: ram.lowBytes).tables
            return [
                ("the hypervisor, in the region", plan.frozenBase),
                ("a page's slot, in the region", try filled(plan.frozenEnd - 64)),
                ("a page's home", try first(in: home.0..<home.1)),
                ("the home of a metadata page", try first(in: plan.metaBase..<plan.frozenBase)),
                ("the firmware's tables", try filled(tables.upperBound - 64)),
            ]
        }

        @Test(
            "A device is kept from reading and writing region, homes, metadata and firmware by an IOMMU alone",
            .timeLimit(.minutes(3)), arguments: rows)
        func fromOutside(row: Row) throws {
            let scratch = try ScratchFolder()
            var read: [String] = [], written: [String] = [], all: [String] = []
            var worksAfterwards = false
            let sealed = try Sealed(Self.idle(in: scratch), faults: row.faults)
            let result = try sealed.run { options in
                options.board = try Self.edu(behind: row.iommu)
                options.takesMessages = true
                options.ending = .stopped
                options.hooks = [
                    Hook(.console("idle: ready")) { machine in
                        let edu = try EduDevice(machine)
                        let targets = try Self.targets(machine, sealed.image)
                        all = targets.map(\.0)
                        written = try targets.filter { try edu.erases($0.1, machine) }.map(\.0)
                        let before = try targets.map { try machine.ram.read(at: $0.1, count: 64) }
                        for (index, target) in targets.enumerated() {
                            try edu.beginToTake(target.1, to: index)
                            try edu.finish()
                        }
                        try OutsideIOMMU(row.iommu, of: machine).open()
                        let got = try edu.give(targets.count, machine)
                        read = zip(targets, zip(before, got)).filter { $0.1.0 == $0.1.1 }.map(\.0.0)
                        worksAfterwards = try edu.erases(targets[0].1, machine)
                        machine.stop()
                    }
                ]
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(all.count == 5)
            #expect(
                worksAfterwards, "the device reaches nothing even without an IOMMU: the test tests nothing")
            #expect(written == (row.reaches ? all : []))
            #expect(read == (row.reaches ? all : []))
        }

        // MARK: what the guest reaches

        @Test(
            "A guest does not reach a device's registers, unless what is absent is passed through",
            .timeLimit(.minutes(2)), arguments: [nil, "any-device"])
        func registers(fault: String?) throws {
            let result = try Sealed("dma", faults: fault.map { [$0] } ?? []).run {
                $0.board = try Self.edu(behind: .none)
                let reached = fault == nil ? "out of reach" : "REACHED"
                $0.expected.append("dma: the device's registers: \(reached)")
            }
            #expect(result.exitCode == .asAsked, result.story)
        }

        @Test(
            "A guest that is told of the IOMMU says so", .timeLimit(.minutes(2)),
            arguments: [Board.IOMMU.intel, .amd])
        func hidden(iommu: Board.IOMMU) throws {
            let result = try Sealed("dma", faults: ["shown-tables"]).run {
                $0.board = try Board(iommu: iommu)
                $0.expected = ["dma: IOMMU's table: SHOWN"]
            }
            #expect(result.exitCode == .asAsked, result.story)
        }

        @Test("An IOMMU that does not do what it is told ends the run before there is a key")
        func deaf() throws {
            let result = try Sealed("hello", faults: ["iommu-deaf"]).run {
                $0.board = try Board(iommu: .intel)
                ($0.ending, $0.panic) = (.panic, .iommu)
                $0.expected = [
                    "frostvisor: panic: an IOMMU does not do what it is told, at: 0x00000000fed90000"
                ]
            }
            #expect(result.exitCode == .asAsked, result.story)
        }
    }
}

extension RunOptions {
    /// What the guest `dma` says behind an IOMMU.
    fileprivate mutating func mayMaster() {
        expected = expected.map { $0.replacing("bus mastering: refused", with: "bus mastering: TURNED ON") }
    }
}

extension EduDevice {
    /// What it holds, by way of a frame that no page of a small guest has for its home.
    fileprivate func give(_ count: Int, _ machine: Machine) throws -> [[UInt8]] {
        let sink: UInt64 = 0xA0_0000
        try beginToGive(count, to: sink)
        try finish()
        return try (0..<count).map {
            try machine.ram.read(at: sink + UInt64($0 * Self.bytes), count: Self.bytes)
        }
    }

    /// Writes zeros, and puts back what was there.
    fileprivate func erases(_ address: UInt64, _ machine: Machine) throws -> Bool {
        let before = try machine.ram.read(at: address, count: Self.bytes)
        try beginToErase(address)
        try finish()
        let after = try machine.ram.read(at: address, count: Self.bytes)
        try machine.ram.write(before, at: address)
        return after != before
    }
}
