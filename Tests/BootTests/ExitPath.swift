import Foundation
import FrostFormat
import FrostImage
@testable import FrostMachine
@testable import FrostMeasure
import FrostSupport
import Testing

extension BootTests {
    /// How many instructions the hypervisor spends on an exit: they repeat, so that a bound on them is a bound.
    @Suite("Exit path") struct ExitPath {
        /// The guest that provokes each kind of exit, run on the hypervisor of a tree.
        /// - Parameter isSharing: it shares pages too, behind VT-d.
        static func costs(
            in tree: SourceTree, isSharing: Bool = false, _ change: (inout RunOptions) -> Void = { _ in }
        ) throws -> (
            costs: ExitCosts, result: RunResult
        ) {
            let sealed = try Sealed(Recipe(named: "exits", in: tree), in: tree) {
                $0.traceEvery = 1
                if isSharing { $0.devices = .shared }
            }
            let folder = RunFolder(sealed.scratch.file("run"))
            let symbols = try Toolchain(tree: tree).symbols(of: sealed.image)
            let result = try sealed.run { options in
                options.record = folder.folder
                options.instructions = try InstructionPlugin(symbols: symbols)
                if isSharing { options.board = try Board(iommu: .intel) }
                change(&options)
            }
            #expect(result.exitCode == .asAsked, result.story)
            return (try ExitCosts(InstructionRecord(reading: folder), result.trace), result)
        }

        @Test(
            "Every kind of exit stays within its budget of instructions, also where pages are shared",
            .timeLimit(.minutes(3)), arguments: [false, true])
        func budget(isSharing: Bool) throws {
            let (costs, result) = try Self.costs(in: BootTests.tree(), isSharing: isSharing)
            let story = Comment(rawValue: costs.description)
            #expect(costs.overBudget == [], story)
            let shared = costs.rows.first { $0.kind == .sharedMiss }
            #expect(costs.isSharing == isSharing && (shared?.exits == 400) == isSharing, story)
            for kind in [ExitClass.cleanMiss, .dirtyMiss] {
                let row = try #require(costs.rows.first { $0.kind == kind })
                #expect(row.exits >= 500 && row.cipher > 5000, story)
            }
            #expect(result.clock.unit == .instructions)
            try Self.agree(costs, result)
        }

        /// What the plugin counted, and what the guest saw by RDTSC, are two ways to the same number.
        private static func agree(_ costs: ExitCosts, _ result: RunResult) throws {
            let pairs: [(String, ExitClass)] = [
                ("RDMSR", .msr), ("CPUID", .cpuid), ("IN", .port), ("WBINVD", .cache),
                ("device", .deviceMiss),
            ]
            for (line, kind) in pairs {
                let text = "exits: \(line): times "
                let found = result.consoleText.split(whereSeparator: \.isNewline).first { $0.hasPrefix(text) }
                let fields = try #require(found).split { !$0.isNumber }
                let least = try #require(UInt64(fields[fields.count - 2]))
                let row = try #require(costs.rows.first { $0.kind == kind })
                // The exiting instruction itself, and those that read the counter.
                #expect(
                    (row.least...row.least + 40).contains(least), "\(line): \(least), counted \(row.least)")
            }
        }

        static let fault = "slow-cpuid"

        @Test(
            "A hypervisor that does more at a CPUID is over the budget, and the sentence says by how much",
            .timeLimit(.minutes(3)))
        func control() throws {
            let tree = try BootTests.tree()
            let (costs, _) = try Fault(named: Self.fault, in: tree).inject(into: tree) {
                try Self.costs(in: $0)
            }
            let violations = costs.overBudget
            #expect(violations.count == 1)
            #expect(
                violations.first?.hasPrefix("cpuid: ") == true
                    && violations.first?.hasSuffix(" allowed.") == true)
        }
    }
}
