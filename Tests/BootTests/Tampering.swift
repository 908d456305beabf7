import Foundation
import FrostCore
import FrostFormat
import FrostImage
@testable import FrostMachine
@testable import FrostProof
import FrostSupport
import Testing

extension BootTests {
    /// Someone changes DRAM, or the image, under the guest: the guest stops, and nothing is released.
    @Suite("Tampering") struct Tampering {
        /// What is done to the home of a page that is not resident; returns the pages whose opening must fail.
        enum Change: String, CaseIterable, Sendable {
            case flipBit, zero, swap, replay
        }

        /// Guest pages from 2 MiB on, which these guests come back to; the firmware's pages below may stay sealed.
        static let firstWanted: page_id = 512

        @Test(
            "A home changed while the guest runs stops it, and nothing is left", .timeLimit(.minutes(3)),
            arguments: Change.allCases)
        func home(change: Change) throws {
            let sealed = try Sealed("secret") { $0.ram = 16 * .mebibyte }
            var keys: [(String, [UInt8])] = []
            var victims: Set<page_id> = []
            var old: [page_id: [UInt8]] = [:]
            let result = try sealed.run { options in
                (options.ending, options.panic) = (.panic, .integrity)
                options.expected = ["secret: ready", "frostvisor: panic: integrity"]
                options.record = sealed.scratch.file("run")
                options.keepsRAM = true
                options.hooks = [
                    Hook.watch(every: .milliseconds(500)) { machine in
                        guard victims.isEmpty, machine.consoleText.contains("secret: ready") else { return }
                        try machine.pauseInGuest()
                        let view = try FrozenView(machine)
                        keys = try view.keyBlocks()
                        let audit = try TreeAudit(view)
                        let pages = audit.sealedPages.filter { page_level($0) == 0 && $0 >= Self.firstWanted }
                        victims = try Self.apply(change, to: pages, audit, machine, old: old)
                        for page in pages { old[page] = try machine.home(audit.home(page)) }
                        try machine.resume()
                    }
                ]
            }
            #expect(result.exitCode == .asAsked, result.story)
            guard case .panic(.integrity, let index, let level) = result.ending else {
                Issue.record(result.story)
                return
            }
            #expect(level == 0 && victims.contains(page_make(0, index)))
            #expect(MemorySearch(Markers.parts).finds(in: result.console).isEmpty)
            #expect(keys.count > 40)
            #expect(try sealed.leftovers(keys).isEmpty)
        }

        private static func apply(
            _ change: Change, to pages: [page_id], _ audit: TreeAudit, _ machine: Machine,
            old: [page_id: [UInt8]]
        ) throws -> Set<page_id> {
            let first = try #require(pages.first), last = try #require(pages.last)
            switch change {
            case .flipBit:
                try machine.flipBit(at: audit.home(first) + 4095)
                return [first]
            case .zero:
                try machine.ram.write([UInt8](repeating: 0, count: Int(PAGE_BYTES)), at: audit.home(first))
                return [first]
            case .swap:
                let (one, other) = try (machine.home(audit.home(first)), machine.home(audit.home(last)))
                try machine.ram.write(one, at: audit.home(last))
                try machine.ram.write(other, at: audit.home(first))
                return [first, last]
            case .replay:
                // A page that was sealed again since the last look gets its older ciphertext back.
                for page in pages {
                    guard let before = old[page], try before != machine.home(audit.home(page)) else {
                        continue
                    }
                    try machine.ram.write(before, at: audit.home(page))
                    return [page]
                }
                return []
            }
        }

        @Test("A changed metadata page is named by level and index", .timeLimit(.minutes(3)))
        func metadata() throws {
            var victim: page_id?
            let result = try Sealed("stride").run { options in
                (options.ending, options.panic, options.expected) = (.panic, .integrity, [])
                options.hooks = [
                    Hook(.console("stride: zero, then written")) { machine in
                        try machine.pauseInGuest()
                        let audit = try TreeAudit(FrozenView(machine))
                        victim = audit.sealedPages.first {
                            page_level($0) == 1 && page_index($0) >= Self.firstWanted / page_id(PAGE_ENTRIES)
                        }
                        let page = try #require(victim)
                        try machine.flipBit(at: audit.home(page))
                        try machine.resume()
                    }
                ]
            }
            #expect(result.exitCode == .asAsked, result.story)
            let page = try #require(victim)
            let ending = RunEnding.panic(code: .integrity, value: UInt64(page_index(page)), level: 1)
            #expect(result.ending == ending)
        }

        /// Where a BIOS puts what its guests read, and the fault that leaves it there.
        enum FirmwareMemory: String, CaseIterable, Sendable {
            case roms = "believed-roms"
            case tables = "believed-tables"

            func frames(_ machine: Machine) -> StrideTo<UInt64> {
                let plan = machine.image.plan
                let map = MemoryMap(plan, lowRAMBytes: GuestRAM.lowBytes(of: plan.ram))
                let range = self == .roms ? UInt64(ROM_BASE)..<UInt64(ROM_END) : map.tables
                return stride(from: range.lowerBound, to: range.upperBound, by: Int(PAGE_BYTES))
            }

            /// Runs the guest that reads it all again and again; once it has begun, a byte of each frame is changed.
            func run(in tree: SourceTree? = nil) throws -> RunResult {
                let sealed = try Sealed(Recipe(named: "tables", in: BootTests.tree()), in: tree) {
                    // So many that it is still reading when it is stopped.
                    $0.commandLine = "rounds=20"
                }
                return try sealed.run { options in
                    options.hooks = [
                        Hook(.console("tables: ready")) { machine in
                            try machine.pauseInGuest()
                            for frame in frames(machine) { try machine.flipBit(at: frame + 64) }
                            try machine.resume()
                        }
                    ]
                }
            }
        }

        @Test("ROMs that are changed in DRAM are not what the guest reads", .timeLimit(.minutes(3)))
        func roms() throws {
            let result = try FirmwareMemory.roms.run()
            #expect(result.exitCode == .asAsked, result.story)
        }

        @Test("ACPI tables that are changed in DRAM stop the guest", .timeLimit(.minutes(3)))
        func tables() throws {
            let result = try FirmwareMemory.tables.run()
            guard case .panic(.integrity, let index, 0) = result.ending else {
                Issue.record(result.story)
                return
            }
            #expect(index * UInt64(PAGE_BYTES) >= 15 << 20, "the tables lie below the top of 16 MiB")
            #expect(!result.consoleText.contains("tables: changed"))
        }

        @Test(
            "A hypervisor that leaves the firmware's memory in DRAM is noticed", .timeLimit(.minutes(3)),
            arguments: FirmwareMemory.allCases)
        func firmwareControl(memory: FirmwareMemory) throws {
            let tree = try BootTests.tree()
            let result = try Fault(named: memory.rawValue, in: tree).inject(into: tree) {
                try memory.run(in: $0)
            }
            #expect(result.consoleText.contains("tables: changed"), result.story)
        }

        @Test("One flipped bit in any sealed page of an image stops the guest at that page")
        func payload() throws {
            let sealed = try Sealed("hello")
            let header = sealed.image.header
            let plan = sealed.image.plan
            let homes = sealed.image.runs.flatMap { run in
                (0..<UInt64(run.pages)).map { run.home + $0 * UInt64(PAGE_BYTES) }
            }
            // Pages that this guest is sure to need: its code, its page tables, and every page of the tree.
            let needed = homes.enumerated().filter {
                $0.element == 0x100000 || $0.element == 0x10000 || $0.element >= plan.metaBase
            }
            #expect(needed.count >= 5)
            for (position, home) in needed {
                let file = sealed.scratch.file("changed.img")
                let offset = Int(header.payload_lba) * 512 + position * Int(PAGE_BYTES) + 17
                try sealed.copy(to: file) { $0[offset] ^= 1 }
                let page = try #require(plan.page(at: home))
                let result = try Run(BootImage(reading: file), options: RunOptions()).boot()
                #expect(
                    result.ending
                        == .panic(
                            code: .integrity, value: UInt64(page_index(page)), level: UInt8(page_level(page))),
                    result.story
                )
                #expect(result.exitCode == .integrity)
                #expect(!result.consoleText.contains("checks"))
            }
        }
    }
}
