import Foundation
import FrostAttack
import FrostAttest
import FrostFormat
import FrostHost
import FrostImage
import FrostMachine
import FrostMeasure
import FrostProof
import FrostSilicon
import FrostSupport
import FrostSweep

extension FuzzTarget {
    /// JSON, YAML, and what people type.
    static let texts: [FuzzTarget] = [
        FuzzTarget(
            name: "recipe", reads: "guest.json (make-image, run --recipe)",
            words: ["\"kind\"", "\"linux\"", "\"ram\"", "64MiB", "\"timeout\"", "\"canaries\"", "0x"],
            read: { input, file in
                _ = file.holding(input, named: "guest.json")
                let recipe = try Recipe(folder: file.folder)
                _ = (recipe.sources, recipe.prepareScript)
            }),
        FuzzTarget(
            name: "fault", reads: "a fault's YAML (make-image --fault)",
            words: ["wrong: ", "rules: ", "edits:\n", "  - in: ", "replace: ", "with: ", "&a ", "*a", "|"],
            longestInput: 2 << 10,
            read: { input, file in _ = try Fault(reading: file.holding(input)).warning }),
        FuzzTarget(
            name: "sweep", reads: "a matrix's YAML (sweep)",
            words: [
                "matrix:\n", "  image: ", "[hello]", "  seed: [1, 2]", "include:\n", "exclude:\n",
                "settings:\n",
                "repeats: 3", "hosts:\n", "  - uri: ", "jobs: ", "&a ", "*a", "<<: ", "timeout: ", "verify: ",
            ],
            longestInput: 2 << 10,
            read: { input, file in
                _ =
                    SweepList(try SweepMatrix(reading: file.holding(input, named: "x.yaml"), in: tree.get()))
                    .description
            }),
        json("run-report", "run.json (report, trace, exits)", RunReport.self) {
            _ = ($0.counts.count, $0.clock?.text(.max))
        },
        json("verdict", "verdict.json of the model (report, sweep)", CacheVerdict.self) {
            _ = $0.description
        },
        json("debugger-verdict", "verdict.json of the debugger (report)", DebuggerVerdict.self) {
            _ = $0.description
        },
        json("record-inputs", "proof.json, debugger.json (verify DIR)", RecordInputs.self) {
            _ = $0.canaries.map(\.bytes.count)
        },
        json("replay-report", "replay.json (report)", ReplayReport.self) { _ = $0.description },
        FuzzTarget(
            name: "reference", reads: "an image's reference (verify-image, sign-image)",
            words: jsonWords + [ImageReference.currentFormat, "\"measured\"", "\"offset\"", "\"bytes\""],
            read: { input, _ in _ = try ImageReference(input, named: "it").description }),
        FuzzTarget(
            name: "machine", reads: "an enrolled machine (attest verify)",
            words: jsonWords + [EnrolledMachine.currentFormat, "-----BEGIN PUBLIC KEY-----\n"],
            read: { input, _ in
                _ = try AttestationKey(pem: EnrolledMachine(input, named: "it").attestationKey)
            }),
        FuzzTarget(
            name: "policy", reads: "what is asked of a machine (attest verify)",
            words: jsonWords + [
                "\"pcrs\"", "\"values\"", "\"images\"", "\"minimum\"", "\"secure-boot\"", "\"firmware\"",
            ],
            read: { input, _ in _ = try AttestationPolicy(input, named: "it").images.count }),
        FuzzTarget(
            name: "silicon", reads: "what the silicon image said (silicon)",
            words: SiliconRow.all.map(\.name) + SiliconOutcome.allCases.map(\.rawValue)
                + ["ffffffffffffffff", "== ", " 0"],
            repaired: repairedSilicon,
            read: { input, _ in _ = SiliconReport(try SiliconResult(input, named: "it")).description }),
        FuzzTarget(
            name: "silicon-report", reads: "published reports (silicon --table)",
            words: jsonWords + [SiliconReport.currentFormat, "\"result\""],
            read: { input, file in _ = try SiliconReport(reading: file.holding(input)).description }),
        FuzzTarget(
            name: "sweep-report", reads: "sweep.json (sweep --baseline, report)", words: jsonWords,
            read: { input, file in _ = try SweepReport(reading: file.holding(input)).description }),
        FuzzTarget(
            name: "benchmark", reads: "what bench wrote (report)", words: jsonWords,
            longestInput: 8 << 10,
            read: { input, file in _ = try CipherBenchmark(reading: file.holding(input)).description }),
        FuzzTarget(
            name: "options",
            reads: "sizes, times, CPUs, canaries, instants, tolerances, connections, passphrases",
            words: [
                "8MiB", "GiB", "120s", "0x", "random:", "misses=2%", "qemu:///embed?root=/",
                "qemu+ssh://h/system?pool=p",
            ],
            longestInput: 256,
            read: { input, file in
                let text = String(decoding: input, as: UTF8.self)
                let readers: [(String) throws -> Void] = [
                    { _ = try ByteCount(parsing: $0).rounded },
                    { _ = try TimeSpan(parsing: $0).description },
                    { _ = try CPUChoice(parsing: $0) },
                    { _ = try Canary(parsing: $0).bytes },
                    { _ = try ColdbootInstants(parsing: $0) },
                    { _ = try SweepTolerance.parse($0) },
                    { _ = try LibvirtURI(parsing: $0).isRemote },
                    { _ = try CacheChoice(shape: $0, vendor: .amd) },
                    { _ = try CacheChoice(preset: $0) },
                    { _ in _ = try Passphrase(file: file.holding(input)) },
                ]
                for read in readers {
                    do { try read(text) } catch let failure as any Explained {
                        precondition(!failure.description.isEmpty)
                    }
                }
            }),
    ]

    private static let tree = Result { try SourceTree() }

    /// Every line's number and checksum, and the last line.
    @Sendable private static func repairedSilicon(_ input: [UInt8]) -> [UInt8] {
        let rows = String(decoding: input, as: UTF8.self).split(separator: "\n").dropFirst().dropLast()
        let words = rows.prefix(255).map {
            $0.split(separator: " ").dropFirst().dropLast().joined(separator: " ")
        }
        return Array(SiliconResult.forged(of: words).joined(separator: "\n").utf8)
    }

    private static let jsonWords = ["{", "}", "[", "]", "null", "\":", "1e308", "-1", "18446744073709551615"]

    private static func json<Value: Decodable & SendableMetatype>(
        _ name: String, _ reads: String, _: Value.Type, _ use: @escaping @Sendable (Value) -> Void
    ) -> FuzzTarget {
        FuzzTarget(
            name: name, reads: reads, words: jsonWords,
            read: { input, file in
                let place = file.holding(input, named: "value.json")
                if let value = try RunFolder(file.folder).decode(Value.self, from: place) { use(value) }
            })
    }
}
