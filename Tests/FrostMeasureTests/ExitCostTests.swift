import Foundation
import FrostCore
import FrostFormat
@testable import FrostMeasure
import FrostSamples
import FrostSupport
import Testing

@Suite("Exit costs") struct ExitCostTests {
    /// A run's folder as the plugin leaves it: two functions, of which one is the cipher's.
    private static func folder(_ rows: [[UInt32]]) throws -> RunFolder {
        let url = FileManager.default.temporaryDirectory.appending(path: "frost-exits-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        let folder = RunFolder(url)
        try Data("ffffffff80000000 exit_handle\nffffffff80000100 gcm_open\nffffffff80000200 text_end\n".utf8)
            .write(to: folder.functions)
        try rows.flatMap(\.self).withUnsafeBytes { try Data($0).write(to: folder.instructions) }
        return folder
    }

    private static let port = TraceBytes.record(.exit, detail: COUNT_EXIT_PORT.rawValue)

    private static func trace(every: UInt64, _ records: [trace_record]) -> Trace {
        let start = [
            TraceBytes.record(.fact, detail: FACT_TRACE_EVERY.rawValue, value: every),
            TraceBytes.record(.launch),
        ]
        return Trace(decoding: TraceBytes.capture(start + records))
    }

    @Test("Exits are told apart by the pages that came and went, and the cipher is not theirs")
    func classes() throws {
        let folder = try Self.folder([[9, 9, 9], [700, 11000, 0], [800, 22000, 4], [300, 0, 0]])
        defer { try? FileManager.default.removeItem(at: folder.folder) }
        let opened = TraceBytes.record(.open, detail: PAGE_SEALED.rawValue)
        let trace = Self.trace(
            every: 1,
            [
                TraceBytes.record(.drop), opened, TraceBytes.record(.miss),
                TraceBytes.record(.seal), opened, TraceBytes.record(.miss),
                TraceBytes.record(.exit, detail: COUNT_EXIT_CPUID.rawValue),
            ])
        let costs = try ExitCosts(InstructionRecord(reading: folder), trace)
        #expect(costs.rows.map(\.kind) == [.cleanMiss, .dirtyMiss, .cpuid])
        #expect(costs.rows.map(\.p50) == [700, 800, 300])
        #expect(costs.rows.map(\.cipher) == [11000, 22000, 0])
        #expect(costs.rows.map(\.stringSteps) == [0, 4, 0])
        #expect(costs.overBudget.contains { $0.hasPrefix("softMiss: no such exit was seen") })
    }

    @Test("A budget that is broken is a sentence with the kind, what was measured, and what is allowed")
    func violation() throws {
        let folder = try Self.folder([[0, 0, 0], [5000, 0, 0]])
        defer { try? FileManager.default.removeItem(at: folder.folder) }
        let costs = try ExitCosts(
            InstructionRecord(reading: folder), Self.trace(every: 1, [Self.port]))
        let allowed = try #require(ExitBudget.medians[.port])
        #expect(
            costs.overBudget.contains(
                "port: 5000 instructions at the median of 1 exits, \(allowed) allowed."))
    }

    @Test("Runs that were sampled, or do not fit their trace, are refused in a sentence")
    func refusals() throws {
        let folder = try Self.folder([[0, 0, 0], [5, 0, 0], [5, 0, 0]])
        defer { try? FileManager.default.removeItem(at: folder.folder) }
        let record = try InstructionRecord(reading: folder)
        #expect(throws: ExitCosts.Failure.notAllFollowed(16)) {
            try ExitCosts(record, Self.trace(every: 16, [Self.port]))
        }
        #expect(throws: ExitCosts.Failure.notOfOneRun(exits: 1, rows: 2)) {
            try ExitCosts(record, Self.trace(every: 1, [Self.port]))
        }
        try Data([1, 2, 3]).write(to: folder.instructions)
        #expect(throws: InstructionRecord.Failure.damaged(folder.instructions.plainPath)) {
            try InstructionRecord(reading: folder)
        }
        try FileManager.default.removeItem(at: folder.instructions)
        #expect(throws: InstructionRecord.Failure.missing(folder.folder.plainPath)) {
            try InstructionRecord(reading: folder)
        }
    }
}
