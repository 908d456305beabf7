import FrostSupport

/// From a result's numbers to a verdict on each claim.
struct SiliconJudge {
    let result: SiliconResult
    let machine: SiliconMachine

    /// Reads that may miss, of a thousand sweeps: one in so many.
    private static let rareMiss: UInt64 = 100_000
    /// Memory that must push a region out of a cache is larger than that so many times.
    private static let thrashedTimes: UInt64 = 2

    private typealias Answer = (SiliconVerdict, String)

    func finding(_ claim: SiliconClaim) -> SiliconFinding {
        let (verdict, reason) = answer(claim)
        return SiliconFinding(claim, verdict, reason)
    }

    private func answer(_ claim: SiliconClaim) -> Answer {
        switch claim {
        case .fitKeeps: invd { $0 <= machine.cacheBytes / 2 }
        case .largestFits: largestFits
        case .fitServes: serves
        case .fitMisses: misses
        case .othersEvict: othersEvict
        case .codeFromCache: code
        case .intelNoFill:
            machine.isIntel ? both("cd.read", "cd.write") : (.notTested, "this CPU is not Intel's")
        case .amdHit: machine.isAMD ? left("cd.read") : (.notTested, "this CPU is not AMD's")
        case .lateFill: left("cd.late")
        case .ntHit: left("ntstore")
        case .ucHit: left("ucalias")
        case .cldemote: left("cldemote")
        case .repMovs: kept("repmovs")
        case .smiEvicts: smi
        case .waylock: waylock
        case .nestedCD: (.notTested, result.line("ept").failure ?? "")
        case .missCost: (.notTested, result.line("misspath").failure ?? "")
        }
    }

    // MARK: what INVD shows

    private var sizes: [SiliconLine] { result["invd"].filter { $0.outcome == .ok } }

    /// Why INVD tells nothing of this machine; nil: it does. A search that never sees a written line would find
    /// everything kept.
    private var blindness: String? {
        let control = result.line("clflush")
        guard let flushed = control.marks else { return "its control failed: \(control.failure ?? "")" }
        return flushed.written == flushed.lines
            ? nil : "its control failed: of flushed lines \(flushed.words)"
    }

    private func judged(_ name: String, _ judge: (SiliconLine.Marks) -> SiliconVerdict) -> Answer {
        let line = result.line(name)
        guard let marks = line.marks else { return (.notTested, line.failure ?? "") }
        if let blindness { return (.notTested, blindness) }
        return (judge(marks), "\(name): \(marks.words)")
    }

    private func kept(_ name: String) -> Answer {
        judged(name) { $0.kept == $0.lines ? .measured : .contradicted }
    }

    /// No line has in DRAM what it had before.
    private func left(_ name: String) -> Answer {
        judged(name) { $0.kept == 0 ? .measured : .contradicted }
    }

    private func both(_ one: String, _ other: String) -> Answer {
        let answers = [kept(one), kept(other)]
        let verdict =
            [SiliconVerdict.contradicted, .notTested].first { verdict in answers.contains { $0.0 == verdict }
            }
        return (verdict ?? .measured, answers.map(\.1).joined(separator: "; "))
    }

    private func invd(_ isMeant: (UInt64) -> Bool) -> Answer {
        let failed = result["invd"].first { $0.outcome != .ok }
        let meant = sizes.filter { isMeant($0["bytes"]) }
        guard let last = meant.last else { return (.notTested, failed?.failure ?? "no such size was tried") }
        if let blindness { return (.notTested, blindness) }
        let bad = meant.filter { $0["kept"] != $0["lines"] }
        if let first = bad.first, let marks = first.marks {
            return (.contradicted, "a region of \(ByteCount(first["bytes"]).rounded): \(marks.words)")
        }
        if let failed, let why = failed.failure { return (.notTested, why) }
        return (
            .measured,
            """
            \(meant.count.of("size")) up to \(ByteCount(last["bytes"]).rounded): DRAM kept every line, the cache alone \
            had what was written
            """
        )
    }

    private var largestFits: Answer {
        guard machine.largestRegion >= machine.cacheBytes / 4 * 3, machine.cacheBytes > 0 else {
            return (
                .notTested,
                """
                invd: regions of up to \(ByteCount(machine.largestRegion).rounded) were tried, the cache has \
                \(ByteCount(machine.cacheBytes).rounded)
                """
            )
        }
        return invd { $0 == machine.largestRegion }
    }

    private var othersEvict: Answer {
        let line = result.line("thrash")
        if line.outcome == .ok, line["bytes"] / Self.thrashedTimes < machine.cacheBytes {
            return (.notTested, "thrash: \(ByteCount(line["bytes"]).rounded) are too little for this cache")
        }
        return judged("thrash") { $0.written > 0 ? .measured : .contradicted }
    }

    /// What is read beside the region must be enough to push it out, were it not in ways of its own.
    private var waylock: Answer {
        let answer = kept("cat"), control = othersEvict
        guard answer.0 == .measured, control.0 != .measured else { return answer }
        return (.notTested, "cat: its control shows no eviction: \(control.1)")
    }

    private var code: Answer {
        let line = result.line("code")
        guard line.outcome == .ok, line["ran"] != line["lines"] else { return kept("code") }
        return (.contradicted, "code: of \(line["lines"].of("line")) \(line["ran"]) ran what the cache has")
    }

    /// One that evicts nothing says nothing of others.
    private var smi: Answer {
        let count = result.line("smi")
        guard count.outcome == .ok else { return (.notTested, count.failure ?? "") }
        guard count["counted"] == 1, count["after"] != count["before"] else {
            return (.notTested, "smi: no counter saw an SMI")
        }
        let answer = judged("smi.invd") { $0.kept < $0.lines ? .measured : .notTested }
        return answer.0 == .notTested ? (.notTested, answer.1 + "; another SMI may do more") : answer
    }

    // MARK: cycles and counters

    private var serves: Answer {
        let line = result.line("latency")
        guard line.outcome == .ok else { return (.notTested, line.failure ?? "") }
        let words = """
            latency: of \(line["lines"].of("line")) \(line["slow"]) were as slow as DRAM; \(line["median"]) cycles \
            at the median, DRAM \(line["dram-median"])
            """
        return (line["slow"] == 0 ? .measured : .contradicted, words)
    }

    private var misses: Answer {
        let line = result.line("misses")
        guard line.outcome == .ok else { return (.notTested, line.failure ?? "") }
        let (reads, isTooLarge) = line["lines"].multipliedReportingOverflow(by: line["sweeps"])
        guard !isTooLarge, line["control"] >= line["lines"] / 2 else {
            return (
                .notTested, "misses: the counter saw \(line["control"]) of \(line["lines"]) flushed lines"
            )
        }
        let words = "misses: \(line["misses"]) in \(reads.of("read"))"
        return (line["misses"] <= reads / Self.rareMiss ? .measured : .contradicted, words)
    }
}
