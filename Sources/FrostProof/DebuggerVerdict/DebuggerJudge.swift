import AccessTrace
import CacheModel
import Foundation
import FrostCore
import FrostFormat
import FrostMachine
import FrostSupport
import ResidencyRecord

/// Judges one run that Bochs's debugger watched. The same record always gets the same verdict.
package struct DebuggerJudge {
    private let record: DebuggerRecord
    private let explainer: Explainer
    private let progress: (String) -> Void

    private var faults: [String] = []
    private var notes: [String] = []
    private var evidence: [Condition: Evidence] = [:]

    package init(_ record: DebuggerRecord, progress: @escaping (String) -> Void = { _ in }) {
        (self.record, self.progress) = (record, progress)
        let map = MemoryMap(
            record.image.plan, lowRAMBytes: record.image.plan.ram.bytes, tableBytes: MemoryMap.bochsTables)
        explainer = Explainer(map: map, symbols: record.folder.symbols)
        for condition in Condition.allCases { evidence[condition] = Evidence(condition) }
    }

    /// - Throws: ``CacheRecord/Failure`` when a file of the record is missing.
    package mutating func verdict() throws -> DebuggerVerdict {
        judgeRun()
        let view = try record.view()
        let memory = try view.map { try MemoryAtEnd($0, record: record, explainer: explainer) }
        let cipher = memory?.cipher
        let root =
            try record.symbols.address(SYMBOL_PAGER) - SymbolTable.hypervisorBase
            + UInt64(MemoryLayout<pager>.offset(of: \.root) ?? 0)
        let homes = TracedHomes(
            record.image.plan, explainer: explainer, cipher: cipher, root: root,
            canaries: MemoryAtEnd.canaries(of: record), keyBlocks: memory?.keyBlocks ?? MemorySearch([]))
        let trace = try AccessJudge(record, map: explainer.map) { homes.add($0) }
        homes.trace = trace
        progress("judging the trace")
        try trace.read(record.folder.accessTrace)
        take(trace)
        for found in [homes.writes, homes.secrets, homes.keys, homes.freshness] { take(found) }
        judgeTrace(trace.totals, homes)
        if let memory { try judge(memory) }
        return conclude(trace)
    }

    private mutating func take(_ other: Evidence) {
        evidence[other.condition]?.add(other)
    }

    // MARK: the run

    private mutating func judgeRun() {
        faults += RecordFaults.ofRun(record.inputs, record.image, record.devices)
        if record.ram == nil {
            faults.append(
                """
                There is no \(record.folder.ram.lastPathComponent): memory was not kept, and without its keys no \
                home can be verified.
                """
            )
        }
    }

    // MARK: the trace

    private mutating func judgeTrace(_ totals: access_totals, _ homes: TracedHomes) {
        if totals.unknown_lines > 0 {
            faults.append("\(totals.unknown_lines.of("line")) of the trace cannot be understood.")
        }
        if totals.is_cut { faults.append("The trace ends inside of a window.") }
        if !totals.has_freeze { faults.append("The freeze was not traced.") }
        if totals.guest_instructions == 0 {
            faults.append("No instruction of the guest was traced: it was never entered, or at other times.")
        }
        if totals.blind_instructions > 0 {
            notes.append(
                """
                Of \(totals.blind_instructions.of("instruction")) of the guest the debugger did not tell what it was, \
                as it does not know SVM's nested tables: a flush among them would not show.
                """)
        }
        notes.append(record.inputs.cipherText)
        if homes.verified == 0 { faults.append("No page was sealed in any window.") }

        evidence[.accountedWrites]?.figures += [
            "\(totals.dram_writes.of("write")) to DRAM", "\(homes.verified.of("home")) verified by OpenSSL",
            "\(homes.erasedBytes.of("byte")) erased",
            "\(homes.unfinished.of("home")) cut off by a window's end",
        ]
        evidence[.frozenRegion]?.figures = [
            "\(totals.filled_lines) of \(totals.region_lines) lines stored to while it froze",
            "\(totals.region_accesses.of("access", "accesses")) to the region",
        ]
        evidence[.freshCiphertext]?.figures += ["\(homes.verified.of("nonce")) in the windows"]
        evidence[.noFetch]?.figures = [
            "\((totals.instructions - totals.guest_instructions).of("instruction")) of the hypervisor",
            "\(totals.walks.of("access", "accesses")) to page tables",
            "\(totals.nested_walks) to nested ones",
            "\(totals.controls) to control blocks", "\(totals.entries.of("entry", "entries")) of the guest",
        ]
    }

    private mutating func take(_ trace: AccessJudge) {
        let violations = trace.violations
        for violation in violations { add(violation) }
        let counts = withUnsafeBytes(of: trace.totals.rules) { Array($0.bindMemory(to: UInt64.self)) }
        for (number, count) in counts.enumerated() {
            let rule = residency_rule(UInt32(number))
            let told = violations.count { $0.rule == rule }
            evidence[RegionEvidence.condition(of: rule)]?.count(Int(clamping: count) - told)
        }
    }

    private mutating func add(_ violation: access_violation) {
        let (id, sentence, source) = RegionEvidence.text(violation.rule, violation.cache_rule)
        evidence[RegionEvidence.condition(of: violation.rule)]?.add(id, sentence) { [explainer] told in
            told.instant = violation.instant
            told.source = source
            if violation.address != UInt64.max {
                told.address = violation.address
                told.place = explainer.place(violation.address)
            }
            told.instruction = explainer.instruction(violation.rip, violation.mode)
        }
    }

    // MARK: memory at the end

    private mutating func judge(_ memory: MemoryAtEnd) throws {
        progress("searching memory as it was at the end")
        let found = try memory.search()
        take(found.secrets)
        take(found.keys)
        faults += found.faults
        notes += found.notes
        guard record.inputs.ending != .panic else {
            notes.append(
                "The run ended in a panic: pages may have been half-way, and homes were not held against the tree."
            )
            return
        }
        let audited = try memory.audit()
        take(audited.writes)
        take(audited.freshness)
    }

    // MARK: what comes of it

    private func conclude(_ trace: AccessJudge) -> DebuggerVerdict {
        let findings = Condition.allCases.compactMap { evidence[$0]?.finding }
        let answer: DebuggerVerdict.Answer =
            findings.contains { $0.holds == false }
            ? .violation
            : faults.isEmpty && findings.allSatisfy { $0.holds == true } ? .noViolation : .notJudged
        let windows = trace.windows.map {
            DebuggerVerdict.Window(
                start: explainer.function($0.start), instant: $0.first_instant,
                instructions: $0.instructions, guestInstructions: $0.guest_instructions,
                accesses: $0.accesses)
        }
        let totals = trace.totals
        return DebuggerVerdict(
            answer: answer, windows: windows, findings: findings, faults: faults,
            coverage: [
                """
                Bochs's debugger: each instruction with the physical address it was fetched from, each access with \
                its physical address, bytes and effective memory type, page walks and control blocks included: \
                \(totals.lines.of("line")).
                """,
                "Memory: all of it, once, when the hypervisor began its ending.",
            ], limits: DebuggerVerdict.limits + record.devices.limits, notes: notes)
    }
}
