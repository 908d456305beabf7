import Foundation
import FrostSamples
@testable import FrostSilicon
import FrostSupport
import Testing

/// From a result's numbers to what is said of each claim.
@Suite struct SiliconReportTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var claim: SiliconClaim
        var verdict: SiliconVerdict
        /// A line that takes its row's place; nil: the sample as it is.
        var line: String?
        var isAMD = false
        /// In the reason.
        var words = ""

        var testDescription: String { "\(claim.rawValue): \(line ?? "as it should be"), \(verdict.rawValue)" }

        func sample() -> SampleSilicon {
            let sample = isAMD ? SampleSilicon().amd : SampleSilicon()
            guard let line else { return sample }
            return sample.with(String(line.prefix { $0 != " " }), line)
        }
    }

    /// Claims that the sample bears out.
    static let borneOut: [SiliconClaim] = [
        .fitKeeps, .fitServes, .fitMisses, .largestFits, .othersEvict, .codeFromCache, .intelNoFill,
        .lateFill,
        .ntHit, .ucHit, .repMovs, .smiEvicts,
    ]

    static let rows =
        borneOut.map { Row(claim: $0, verdict: .measured) } + [
            Row(claim: .amdHit, verdict: .measured, isAMD: true),
            Row(claim: .amdHit, verdict: .notTested, words: "not AMD's"),
            Row(claim: .intelNoFill, verdict: .notTested, isAMD: true, words: "not Intel's"),
            Row(claim: .amdHit, verdict: .contradicted, line: "cd.read ok 10000 10000 0 0", isAMD: true),
            Row(claim: .intelNoFill, verdict: .contradicted, line: "cd.read ok 10000 0 10000 0"),
            Row(claim: .intelNoFill, verdict: .contradicted, line: "cd.write ok 10000 fffe 0 2"),
            Row(claim: .intelNoFill, verdict: .notTested, line: "cd.write hung", words: "watchdog"),
            Row(claim: .lateFill, verdict: .contradicted, line: "cd.late ok 10000 1 ffff 0"),
            Row(claim: .fitServes, verdict: .contradicted, line: "latency ok 10000 1e 2a 90 d2 f0 1"),
            Row(claim: .fitMisses, verdict: .contradicted, line: "misses ok 10000 3e8 100000 ffe0"),
            Row(claim: .fitMisses, verdict: .notTested, line: "misses ok 10000 3e8 0 0", words: "flushed"),
            Row(claim: .fitMisses, verdict: .notTested, line: "misses absent"),
            Row(
                claim: .fitMisses, verdict: .notTested,
                line: "misses ok ffffffffffffffff ffffffffffffffff 0 ffffffffffffffff"),
            Row(claim: .othersEvict, verdict: .contradicted, line: "thrash ok 4000000 10000 10000 0 0"),
            Row(
                claim: .othersEvict, verdict: .notTested, line: "thrash ok 1000000 10000 10000 0 0",
                words: "too little"),
            Row(claim: .ntHit, verdict: .contradicted, line: "ntstore ok 10000 10000 0 0"),
            Row(claim: .ucHit, verdict: .contradicted, line: "ucalias ok 10000 10000 0 0"),
            Row(claim: .cldemote, verdict: .notTested, words: "CPUID has no CLDEMOTE"),
            Row(claim: .cldemote, verdict: .measured, line: "cldemote ok 10000 0 10000 0"),
            Row(claim: .cldemote, verdict: .contradicted, line: "cldemote ok 10000 10000 0 0"),
            Row(claim: .repMovs, verdict: .contradicted, line: "repmovs ok 10000 8000 0 8000"),
            Row(
                claim: .codeFromCache, verdict: .contradicted, line: "code ok fff0 10000 10000 0 0",
                words: "ran"),
            Row(claim: .codeFromCache, verdict: .contradicted, line: "code ok 10000 10000 0 10000 0"),
            Row(
                claim: .codeFromCache, verdict: .notTested, line: "code fault d 0 ffffffff80001234",
                words: "exception 13"),
            Row(claim: .waylock, verdict: .measured, line: "cat ok b 1f 100000 4000 4000 0 0"),
            Row(claim: .waylock, verdict: .contradicted, line: "cat ok b 1f 100000 4000 3fff 1 0"),
            Row(claim: .waylock, verdict: .notTested, words: "CPUID has no allocation"),
            Row(claim: .smiEvicts, verdict: .notTested, line: "smi ok 1 5 5 40", words: "no counter saw"),
            Row(
                claim: .smiEvicts, verdict: .notTested, line: "smi.invd ok 10000 10000 0 0",
                words: "another SMI"),
            Row(
                claim: .largestFits, verdict: .notTested, line: "boot ok 1 2 6000000 2000000",
                words: "were tried"),
            Row(claim: .largestFits, verdict: .notTested, line: "boot ok 1 2 0 40000", words: "were tried"),
            Row(claim: .nestedCD, verdict: .notTested, words: "no such experiment yet"),
            Row(claim: .missCost, verdict: .notTested, words: "no such experiment yet"),
            // A control that sees nothing takes every search its word.
            Row(
                claim: .fitKeeps, verdict: .notTested, line: "clflush ok 10000 10000 0 0",
                words: "control failed"),
            Row(claim: .repMovs, verdict: .notTested, line: "clflush absent", words: "control failed"),
        ]

    @Test("Each claim is borne out, contradicted or left open as the numbers are", arguments: rows)
    func verdict(row: Row) throws {
        let report = try row.sample().report()
        #expect(report.machine.doubt == nil)
        let finding = try #require(report.findings.first { $0.claim == row.claim })
        #expect(finding.verdict == row.verdict, "\(finding.reason)")
        #expect(row.words.isEmpty || finding.reason.contains(row.words), "\(finding.reason)")
        #expect(!finding.reason.isEmpty)
    }

    @Test("A region that loses a line contradicts what is said of its size, and not of smaller ones")
    func sizes() throws {
        let lost = SampleSilicon().with(
            "invd", "invd ok 40000 1000 1000 0 0", "invd ok 400000 10000 10000 0 0",
            "invd ok b80000 2e000 2dfff 1 0")
        var findings = try lost.report().findings
        #expect(findings.first { $0.claim == .fitKeeps }?.verdict == .measured)
        #expect(findings.first { $0.claim == .largestFits }?.verdict == .contradicted)
        #expect(try lost.report().exitCode == .otherwise)
        let early = SampleSilicon().with(
            "invd", "invd ok 40000 1000 ff0 10 0", "invd ok 400000 10000 10000 0 0",
            "invd ok b80000 2e000 2e000 0 0")
        findings = try early.report().findings
        #expect(findings.first { $0.claim == .fitKeeps }?.verdict == .contradicted)
        #expect(findings.first { $0.claim == .largestFits }?.verdict == .measured)
    }

    @Test("Ways of their own hold nothing against memory that evicts nothing anyway")
    func waysWithoutThrashing() throws {
        let sample = SampleSilicon().with("cat", "cat ok b 1f 100000 4000 4000 0 0")
            .with("thrash", "thrash ok 4000000 10000 10000 0 0")
        let finding = try sample.report().findings.first { $0.claim == .waylock }
        #expect(finding?.verdict == .notTested && finding?.reason.contains("no eviction") == true)
    }

    @Test("INVD that writes back, or drops nothing, contradicts no claim")
    func blind() throws {
        var sample = SampleSilicon()
        sample.rows = sample.rows.map { row in
            let words = row.split(separator: " ").map(String.init)
            guard let line = SiliconRow.all.first(where: { $0.name == words[0] }), words[1] == "ok",
                line.fields.suffix(4) == ["lines", "kept", "written", "other"]
            else { return row }
            return (words.dropLast(3) + ["0", words[words.count - 4], "0"]).joined(separator: " ")
        }
        let report = try sample.report()
        #expect(report.machine.doubt?.contains("INVD dropped nothing") == true)
        #expect(report.findings.allSatisfy { $0.verdict == .notTested })
    }

    /// What gives away that a result is of no metal.
    static let doubts = [
        ("leaf", "leaf ok 1 0 906ea 100800 fffafbbf bfebfbff", "hypervisor is below"),
        ("brand", "brand ok 0 554d4551 47435420 55504320 72657620", "'qemu'"),
        ("latency", "latency ok 10000 8 8 8 8 8 10000", "no CPU is as fast"),
        ("latency", "latency ok 10000 1e 2a 90 2c 30 10000", "is as near"),
        (
            "latency", "latency ok 10000 ffffffffffffffff ffffffffffffffff 8 8 ffffffffffffffff 0",
            "is as near"
        ),
        ("latency", "latency fault d 0 0", "is not in it"),
        ("guard.fault", "guard.fault ok", "did not fault"),
        ("guard.fault", "guard.fault fault d 0 0", "did not fault"),
        ("guard.hang", "guard.hang ok", "did not hang"),
    ]

    @Test("A result of an emulator or a guest proves nothing, and says why", arguments: doubts)
    func provesNothing(name: String, line: String, words: String) throws {
        let report = try SampleSilicon().with(name, line).report()
        #expect(report.machine.doubt?.contains(words) == true)
        #expect(report.exitCode == .notProvable)
        #expect(report.findings.allSatisfy { $0.verdict == .notTested })
        #expect(report.description.contains("PROVES NOTHING"))
    }

    @Test("The machine is named as CPUID names it")
    func machine() throws {
        let report = try SampleSilicon().report()
        #expect(
            report.machine.description
                == "Intemadae-up (GenuineIntel, family 0x6 model 0x9e stepping 10), started by UEFI")
        #expect(report.machine.cacheBytes == 12 << 20 && report.machine.largestRegion == 23 << 19)
        #expect(report.exitCode == .asAsked)
    }

    @Test("Of a published report nothing counts but the result in it; a folder of them is a table")
    func published() throws {
        let scratch = try Scratch()
        #expect(try SiliconTable(reading: scratch.url).description == "No result from metal exists yet.")
        let report = try SampleSilicon().report()
        try Data(JSON.text(report).utf8).write(to: scratch.url.appending(path: "a.json"))
        var boast = try SampleSilicon().with("ntstore", "ntstore ok 10000 10000 0 0").report()
        boast.findings = report.findings
        try Data(JSON.text(boast).utf8).write(to: scratch.url.appending(path: "b.json"))
        let emulator = try SampleSilicon().with("latency", "latency ok 10000 8 8 8 8 8 10000").report()
        try Data(JSON.text(emulator).utf8).write(to: scratch.url.appending(path: "c.json"))
        let table = try SiliconTable(reading: scratch.url)
        #expect(table.reports.count == 2 && table.reports[0] == report)
        let lines = table.description.split(separator: "\n")
        #expect(lines.count == 4 && !lines[2].contains("**no**") && lines[3].contains("**no**"))
        try Data("{}".utf8).write(to: scratch.url.appending(path: "d.json"))
        #expect(throws: SiliconReport.Failure.self) { try SiliconTable(reading: scratch.url) }
    }

    @Test("The document has the table of the results that lie beside it")
    func document() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/evidence/silicon", directoryHint: .isDirectory)
        let text = try String(contentsOf: folder.appending(path: "README.md"), encoding: .utf8)
        #expect(text.contains(try SiliconTable(reading: folder).description))
    }
}
