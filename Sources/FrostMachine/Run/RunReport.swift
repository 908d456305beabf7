package import FrostFormat
import FrostSupport

/// A run in numbers: `run.json`, and what `frost run` prints.
package struct RunReport: Codable, Sendable {
    package struct ImageFacts: Codable, Sendable {
        package var path: String
        package var ramBytes: UInt64
        package var frozenBase: UInt64
        package var frozenBytes: UInt64
        package var freeze: FreezeStrategy?
        package var engine: EngineChoice?
        package var policy: EvictionPolicy?

        package init(
            path: String, ramBytes: UInt64, frozenBase: UInt64, frozenBytes: UInt64,
            freeze: FreezeStrategy? = nil, engine: EngineChoice? = nil, policy: EvictionPolicy? = nil
        ) {
            self.path = path
            self.ramBytes = ramBytes
            self.frozenBase = frozenBase
            self.frozenBytes = frozenBytes
            self.freeze = freeze
            self.engine = engine
            self.policy = policy
        }
    }

    package var image: ImageFacts
    package var platform: Platform
    /// Of the trace's times; nil in a report of an older frost.
    package var clock: RunClock?
    package var commandLine: String
    package var ending: RunEnding.Kind
    /// In words.
    package var end: String
    package var exitCode: Int32
    package var wallSeconds: Double
    package var userSeconds: Double
    /// The slots that held the guest; nil when the hypervisor did not get so far.
    package var slots: UInt64?
    /// The kernel that sealed and opened pages; likewise.
    package var cipher: String?
    /// Exact; empty when the trace has no end record.
    package var counts: [String: UInt64]
    package var unmet: [String]
    package var warnings: [String]
    /// What stood between devices and memory; nil when the hypervisor did not get so far.
    package var dma: String?

    package init(
        image: ImageFacts, platform: Platform, clock: RunClock? = nil, commandLine: String,
        ending: RunEnding.Kind, end: String, exitCode: Int32, wallSeconds: Double, userSeconds: Double,
        slots: UInt64? = nil, cipher: String? = nil, counts: [String: UInt64], unmet: [String],
        warnings: [String], dma: String? = nil
    ) {
        self.image = image
        self.platform = platform
        self.clock = clock
        self.commandLine = commandLine
        self.ending = ending
        self.end = end
        self.exitCode = exitCode
        self.wallSeconds = wallSeconds
        self.userSeconds = userSeconds
        self.slots = slots
        self.cipher = cipher
        self.counts = counts
        self.unmet = unmet
        self.warnings = warnings
        self.dma = dma
    }
}

extension RunReport {
    package init(_ result: RunResult, image: BootImage, options: RunOptions) {
        self.image = ImageFacts(
            path: image.file.plainPath, ramBytes: image.plan.ram.bytes, frozenBase: image.plan.frozenBase,
            frozenBytes: image.plan.frozen.bytes, freeze: image.freeze, engine: image.engine,
            policy: image.policy)
        platform = options.platform
        clock = result.clock
        commandLine = result.commandLine
        ending = result.ending.kind
        end = result.ending.description
        exitCode = result.exitCode.rawValue
        wallSeconds = result.wallSeconds
        userSeconds = result.userSeconds
        slots = result.trace.fact(.slots)
        cipher = result.trace.fact(.cipher).map { TraceFact.cipher.text(of: $0) }
        counts = Dictionary(
            uniqueKeysWithValues: TraceCounter.allCases.compactMap { counter in
                result.trace.count(counter).map { (counter.name, $0) }
            })
        unmet = result.unmet
        warnings = result.warnings
        dma = result.trace.fact(.dma).map { DMAProtection(fact: $0).description }
    }
}

extension RunReport: CustomStringConvertible {
    package var description: String {
        var lines = [
            "ending       \(end)",
            "time         \(seconds(wallSeconds)) s on the clock"
                + (userSeconds > 0 ? ", \(seconds(userSeconds)) s of the emulator's CPU time" : ""),
        ]
        if !counts.isEmpty {
            func count(_ counter: TraceCounter) -> UInt64 { counts[counter.name] ?? 0 }
            lines += [
                "page misses  \(count(.miss)), soft \(count(.softMiss)), slots \(slots.map(String.init) ?? "?"), "
                    + "cipher \(cipher ?? "?")",
                "pages        opened \(count(.openImaged) + count(.openSealed)), blank \(count(.openBlank)), "
                    + "of both \(count(.ahead)) ahead, "
                    + "sealed \(count(.seal)), dropped \(count(.drop))",
                "metadata     opened \(count(.metadataOpen)), blank \(count(.metadataBlank)), "
                    + "sealed \(count(.metadataSeal)), dropped \(count(.metadataDrop))",
            ]
        }
        let shared = counts[TraceCounter.shared.name] ?? 0,
            takenBack = counts[TraceCounter.takenBack.name] ?? 0
        if shared > 0 {
            lines.append(
                "shared       \((shared - takenBack).of("page")) at the end; \(shared) became shared, \(takenBack) were taken back"
            )
        }
        if let dma { lines.append("devices      \(dma)") }
        lines += warnings.map { "warning      \($0)" }
        lines += unmet.map { "not as asked \($0)" }
        return lines.joined(separator: "\n")
    }

    private func seconds(_ value: Double) -> String {
        "\((value * 10).rounded() / 10)"
    }
}
