@testable import FrostFormat
import FrostImage
@testable import FrostMachine
import FrostSupport
import Testing

extension BootTests {
    @Suite("Guests") struct Guests {
        /// A guest and the machine that it runs on.
        struct Row: Sendable, CustomTestStringConvertible {
            var guest: String
            var ram: String
            var frozen: String
            var policy = EvictionPolicy.clock
            var slots: UInt32 = 0

            var testDescription: String {
                "\(guest), \(ram) of RAM, \(frozen) frozen" + (policy == .fifo ? ", fifo" : "")
                    + (slots > 0 ? ", \(slots) slots" : "")
            }

            func sealed() throws -> Sealed {
                try Sealed(guest) { options in
                    options.ram = try ByteCount(parsing: ram)
                    options.frozen = try ByteCount(parsing: frozen)
                    options.policy = policy
                    options.slotLimit = slots
                }
            }
        }

        static let machines = [("64MiB", "2MiB"), ("96MiB", "8MiB"), ("128MiB", "32MiB")]
        /// Every recipe but those of Linux, which have suites of their own, and `revisit`, which never ends and is run where
        /// it is attacked.
        static let guests: [String] = {
            guard let tree = try? BootTests.tree() else { return [] }
            return Recipe.names(in: tree).filter {
                $0 != "revisit" && (try? Recipe(named: $0, in: tree))?.facts.kind != .linux
            }
        }()
        /// Each guest where most pages are evicted, and the quickest on every machine; `stride` has a test below.
        static let matrix = guests.filter { BootTests.isFull || $0 != "stride" }.flatMap { guest in
            machines.prefix(BootTests.isFull || guest == "hello" ? machines.count : 1).map {
                Row(guest: guest, ram: $0.0, frozen: $0.1)
            }
        }

        @Test("The matrix has the guests of images/")
        func known() {
            #expect(Set(Self.guests).isSuperset(of: ["hello", "stride", "storm", "realmode", "stray"]))
        }

        @Test("A guest ends as its recipe says", .timeLimit(.minutes(3)), arguments: matrix)
        func endsAsAsked(row: Row) throws {
            let result = try row.sealed().run()
            #expect(result.exitCode == .asAsked, result.story)
            #expect(result.trace.lostFrames == 0 && result.trace.noiseBytes == 0)
        }

        /// FIFO evicts what is hot: stacks, interrupt table, handlers. The smallest region leaves little else.
        @Test(
            "Every event arrives exactly once while stacks and handlers are evicted", .timeLimit(.minutes(3)),
            arguments: [
                Row(guest: "storm", ram: "64MiB", frozen: "2MiB", policy: .fifo, slots: 64),
                Row(guest: "storm", ram: "64MiB", frozen: "512KiB"),
            ]
                + (BootTests.isFull
                    ? [Row(guest: "storm", ram: "64MiB", frozen: "2MiB", policy: .fifo, slots: 48)] : []))
        func storm(row: Row) throws {
            let result = try row.sealed().run()
            #expect(result.exitCode == .asAsked, result.story)
            let reinjected = try #require(result.trace.count(.reinject))
            #expect(reinjected > 0, "no event was ever cut short: the test tests nothing")
        }

        /// Hypervisors that do something else than the CPU, and the guest that must end otherwise for it.
        static let controls: [(guest: String, fault: String)] = [
            ("registers", "unchecked-mtrr"), ("registers", "wide-reset"),
            ("registers", "strict-apic-base"), ("registers", "any-debugctl"), ("registers", "any-xss"),
            ("registers", "refused-keys"),
            ("registers", "paravirtual-leaves"), ("hpet", "any-device"),
            ("registers", "refused-northbridge"), ("tables", "shown-tables"),
            ("dma", "unasked-master"), ("dma", "movable-bases"), ("dma", "open-chipset"),
            ("offered", "unlisted-ports"), ("offered", "unlisted-msrs"), ("offered", "unlisted-leaves"),
            ("offered", "unlisted-features"), ("offered", "small-cache"),
            ("dma", "open-8237"), ("dma", "open-fw-cfg"), ("smi", "open-smi-port"),
            ("smi", "open-icr"), ("smi", "direct-apics"), ("init", "open-icr"), ("messages", "open-icr"),
            ("messages", "open-lvt"), ("messages", "open-register"), ("messages", "lost-flags"),
            ("apicstack", "pushed-frames"),
            ("stray", "shown-frames"),
            ("debug", "kept-detect"), ("debug", "lost-resume"), ("debug", "kept-reserved"),
            ("debug", "lost-breakpoint"),
            ("sleep", "any-sleep"), ("task", "task-twice"), ("switch", "switch-twice"),
            ("strings", "refused-string"), ("strings", "whole-string"), ("strings", "unchecked-operand"),
        ]

        @Test("Guests find hypervisors with a fault", .timeLimit(.minutes(2)), arguments: controls)
        func control(guest: String, fault: String) throws {
            let code = try Sealed(guest, faults: [fault]).run().exitCode
            #expect(code != .asAsked, "\(fault)")
        }

        @Test(
            "Whatever state of sleep is asked for, it is no power-off", .timeLimit(.minutes(1)),
            arguments: 2...7)
        func sleeps(type: Int) throws {
            let result = try Sealed("sleep") { $0.commandLine = "type=\(type)" }.run()
            #expect(result.exitCode == .asAsked, result.story)
        }

        @Test("Stride misses more pages than there are slots", .timeLimit(.minutes(3)))
        func eviction() throws {
            let result = try Row(guest: "stride", ram: "64MiB", frozen: "4MiB").sealed().run()
            let slots = try #require(result.trace.fact(.slots))
            let seals = try #require(result.trace.count(.seal))
            let reopened = try #require(result.trace.count(.openSealed))
            #expect(result.exitCode == .asAsked, result.story)
            #expect(seals > 10 * slots && reopened > 10 * slots)
        }

        @Test(
            "A machine with 4 GiB runs in a region of 8 MiB, of which at least 85 % are slots",
            .timeLimit(.minutes(2)), arguments: ["64MiB", "1GiB", "4GiB"])
        func share(ram: String) throws {
            let result = try Row(guest: "hello", ram: ram, frozen: "8MiB").sealed().run()
            #expect(result.exitCode == .asAsked, result.story)
            let slots = try #require(result.trace.fact(.slots))
            let frozen = try #require(result.trace.fact(.frozenBytes))
            #expect(slots * 4096 * 100 >= frozen * 85)
        }
    }
}
