import Foundation
import FrostCore
import FrostFormat
import FrostHost
import FrostImage
@testable import FrostMachine
import FrostSupport
import Testing

extension BootTests {
    /// The guests of images/ on the machines of both vendors.
    @Suite("Platforms") struct Platforms {
        struct Row: Sendable, CustomTestStringConvertible {
            var guest: String
            var platform = Platform.bochs
            var cpu: CPUChoice
            var frozen = "2MiB"
            /// Where it is not what the recipe says.
            var ending: RunEnding.Kind?
            var minutes = 2

            var testDescription: String { "\(guest) under \(platform.rawValue), \(cpu), \(frozen) frozen" }
        }

        static let rows =
            [CPUChoice.intel, .amd].flatMap { cpu in
                [
                    "hello", "paging", "emulation", "registers", "debug", "strings", "reset", "sleep", "init",
                    "tables", "task", "switch", "stray", "apicstack", "realfault",
                ].map {
                    Row(guest: $0, cpu: cpu)
                }
            } + [
                // The Intel CPU before EPT kept accessed and dirty bits.
                Row(guest: "hello", cpu: .named("corei7_ivy_bridge_3770k")),
                Row(guest: "storm", cpu: .intel, frozen: "4MiB"),
                Row(guest: "smi", cpu: .amd),
                Row(guest: "smi", cpu: .intel),
                Row(guest: "messages", cpu: .amd),
                Row(guest: "messages", cpu: .intel),
            ]

        /// An emulated page takes 2.7 ms of CPU time here: what misses tens of thousands of them takes minutes.
        static let longRows =
            [CPUChoice.intel, .amd].flatMap { cpu in
                [
                    // Its firmware powers the machine off by Bochs's own port, which tells nobody.
                    Row(guest: "realmode", cpu: cpu, ending: .died),
                    Row(guest: "storm", cpu: cpu, minutes: 10),
                    Row(guest: "multiboot", cpu: cpu, minutes: 10),
                    Row(guest: "stride", cpu: cpu, frozen: "8MiB", minutes: 30),
                    Row(guest: "linux", cpu: cpu, frozen: "16MiB", minutes: 30),
                ]
            } + [Row(guest: "storm", cpu: .named("corei7_ivy_bridge_3770k"), minutes: 10)]

        @Test("A guest ends as its recipe says", .timeLimit(.minutes(5)), arguments: rows)
        func endsAsAsked(row: Row) throws {
            try run(row)
        }

        /// An INIT that leaves the local APIC, and how the run then ends.
        struct InitRow: Sendable, CustomTestStringConvertible {
            var cpu: CPUChoice
            var faults: [String]
            var ending: RunEnding.Kind

            var testDescription: String { "\(cpu), \(faults.joined(separator: " and "))" }
        }

        static let initRows = [
            InitRow(cpu: .amd, faults: ["direct-apics"], ending: .panic),
            InitRow(cpu: .intel, faults: ["direct-apics"], ending: .panic),
            InitRow(cpu: .intel, faults: ["direct-apics", "early-vmxoff"], ending: .died),
        ]

        @Test(
            "An INIT ends the run with keys erased, unless it is let in while they are",
            .timeLimit(.minutes(2)), arguments: initRows)
        func initSignal(row: InitRow) throws {
            let result = try Sealed("init", faults: row.faults).run {
                ($0.platform, $0.cpu) = (.bochs, row.cpu)
            }
            #expect(result.ending.kind == row.ending, result.story)
            if case .panic(let code, _, _) = result.ending { #expect(code == .`init`, result.story) }
            #expect(result.consoleText.contains("init: now"))
        }

        static let switchFault = "uncaught-switch"

        @Test(
            "Where the CPU intercepts task switches, as QEMU does not, none is made",
            .timeLimit(.minutes(2)))
        func taskSwitches() throws {
            let tree = try BootTests.tree()
            func isMade(in tree: SourceTree?, _ cpu: CPUChoice) throws -> Bool {
                let result = try Sealed(Recipe(named: "switch", in: BootTests.tree()), in: tree).run {
                    ($0.platform, $0.cpu) = (.bochs, cpu)
                }
                #expect(result.exitCode == .asAsked, result.story)
                return result.consoleText.contains("switch: tables that are there: ok")
            }
            for cpu in [CPUChoice.amd, .intel] { #expect(try !isMade(in: nil, cpu)) }
            #expect(
                try Fault(named: Self.switchFault, in: tree).inject(into: tree) { try isMade(in: $0, .amd) })
        }

        static let libvirtRows =
            (["hello", "reset", "stray", "task", "realmode"]
            + (BootTests.isFull ? ["stride", "secret"] : [])).map {
                Row(guest: $0, platform: .libvirt, cpu: .amd, frozen: $0 == "stride" ? "4MiB" : "2MiB")
            }

        @Test(
            "A guest ends as its recipe says, by libvirt",
            .enabled(if: lackOfLibvirt == nil, "SKIP: \(lackOfLibvirt ?? "")"), .timeLimit(.minutes(3)),
            arguments: libvirtRows)
        func endsAsAskedByLibvirt(row: Row) throws {
            try run(row)
        }

        @Test(
            "The least RAM that an image may have boots on every machine that there is, and more than 2 GiB",
            .timeLimit(.minutes(5)), arguments: ["16MiB", "3GiB"])
        func ram(size: String) throws {
            let sealed = try Sealed("hello") {
                ($0.ram, $0.frozen) = (try ByteCount(parsing: size), 2 * .mebibyte)
            }
            for platform in Platform.allCases where (try? platform.check()) != nil {
                let result = try sealed.run { $0.platform = platform }
                #expect(result.exitCode == .asAsked, result.story)
            }
        }

        @Test(
            "A busy guest ends as its recipe says", .enabled(if: BootTests.isFull, BootTests.fullOnly),
            .timeLimit(.minutes(40)), arguments: longRows)
        func busyEndsAsAsked(row: Row) throws {
            try run(row)
        }

        private func run(_ row: Row) throws {
            let sealed = try Sealed(row.guest) {
                $0.frozen = try ByteCount(parsing: row.frozen)
                if row.guest == "linux" { $0.ram = 256 * .mebibyte }
            }
            let result = try sealed.run { options in
                (options.platform, options.cpu) = (row.platform, row.cpu)
                options.timeLimit = TimeSpan(.seconds(60 * row.minutes))
                if let ending = row.ending { (options.ending, options.panic) = (ending, nil) }
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(result.trace.lostFrames == 0 && result.trace.noiseBytes == 0)
        }

        @Test(
            "The same image, on every machine that there is, says the same and touches the same pages first",
            .timeLimit(.minutes(5)), arguments: ["hello", "paging"])
        func sameEverywhere(guest: String) throws {
            let sealed = try Sealed(guest) { $0.traceEvery = 1 }
            var machines: [(Platform, CPUChoice, image_engine)] = [
                (.qemuTCG, .amd, ENGINE_SVM), (.bochs, .amd, ENGINE_SVM), (.bochs, .intel, ENGINE_VMX),
            ]
            if lackOfLibvirt == nil { machines.append((.libvirt, .amd, ENGINE_SVM)) }
            let results = try machines.map { platform, cpu, engine in
                let result = try sealed.run { ($0.platform, $0.cpu) = (platform, cpu) }
                #expect(result.exitCode == .asAsked, result.story)
                #expect(result.trace.fact(.engine) == UInt64(engine.rawValue))
                return result
            }
            let first = results[0]
            #expect(first.firstTouches.count >= 2)
            for other in results.dropFirst() {
                #expect(Self.lines(other) == Self.lines(first))
                #expect(other.firstTouches == first.firstTouches)
            }
        }

        /// A CPU without 5-level paging is asked for one kind less.
        private static func lines(_ result: RunResult) -> [String] {
            result.consoleText.split(whereSeparator: \.isNewline).map(String.init)
                .filter { $0 != "paging: 5 levels: ok" }
        }

        @Test(
            "KVM runs the guests where it nests",
            .enabled(if: HostKVM().lack == nil, "SKIP: \(HostKVM().lack ?? "")"), .timeLimit(.minutes(3)),
            arguments: Guests.guests)
        func kvm(guest: String) throws {
            let result = try Sealed(guest).run { $0.platform = .qemuKVM }
            #expect(result.exitCode == .asAsked, result.story)
        }
    }
}

extension RunResult {
    /// Guest-physical pages in the order in which they were missed for the first time.
    fileprivate var firstTouches: [UInt64] {
        var seen: Set<UInt64> = []
        return trace.records.filter { $0.kind == .open && $0.level == 0 }.map(\.value)
            .filter { seen.insert($0).inserted }
    }
}
