/// A run in numbers: `run.json`, and what `frost run` prints.
public struct RunReport: Codable, Sendable {
    public struct ImageFacts: Codable, Sendable {
        public var path: String
        public var ramBytes: UInt64
        public var frozenBase: UInt64
        public var frozenBytes: UInt64
        public var freeze: FreezeStrategy?
        public var engine: EngineChoice?
        public var policy: EvictionPolicy?
    }

    public var image: ImageFacts
    public var platform: Platform
    /// Of the trace's times; nil in a report of an older frost.
    public var clock: RunClock?
    public var commandLine: String
    public var ending: RunEnding.Kind
    /// In words.
    public var end: String
    public var exitCode: Int32
    public var wallSeconds: Double
    public var userSeconds: Double
    /// The slots that held the guest; nil when the hypervisor did not get so far.
    public var slots: UInt64?
    /// Exact; empty when the trace has no end record.
    public var counts: [String: UInt64]
    public var complaints: [String]
    public var warnings: [String]
}

extension RunReport {
    public init(_ result: RunResult, image: BootImage, options: RunOptions) {
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
        counts = Dictionary(
            uniqueKeysWithValues: TraceCounter.allCases.compactMap { counter in
                result.trace.count(counter).map { (counter.name, $0) }
            })
        complaints = result.complaints
        warnings = result.warnings
    }
}

extension RunReport: CustomStringConvertible {
    public var description: String {
        var lines = [
            "ending       \(end)",
            "time         \(seconds(wallSeconds)) s on the clock"
                + (userSeconds > 0 ? ", \(seconds(userSeconds)) s of the emulator's CPU time" : ""),
        ]
        if !counts.isEmpty {
            func count(_ counter: TraceCounter) -> UInt64 { counts[counter.name] ?? 0 }
            lines += [
                "page misses  \(count(.miss)), soft \(count(.softMiss)), slots \(slots.map(String.init) ?? "?")",
                "pages        opened \(count(.openImaged) + count(.openSealed)), blank \(count(.openBlank)) "
                    + "(\(count(.ahead)) ahead), "
                    + "sealed \(count(.seal)), dropped \(count(.drop))",
                "metadata     opened \(count(.metadataOpen)), blank \(count(.metadataBlank)), "
                    + "sealed \(count(.metadataSeal)), dropped \(count(.metadataDrop))",
            ]
        }
        lines += warnings.map { "warning      \($0)" }
        lines += complaints.map { "not as asked \($0)" }
        return lines.joined(separator: "\n")
    }

    private func seconds(_ value: Double) -> String {
        "\((value * 10).rounded() / 10)"
    }
}
