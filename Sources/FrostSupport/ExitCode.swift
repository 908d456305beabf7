/// What `frost` tells its caller by its exit status.
package enum ExitCode: Int32, Sendable, CaseIterable {
    case asAsked = 0
    case otherwise = 1
    case notProvable = 2
    case regression = 3
    case integrity = 10
    case panic = 11
    case tripleFault = 12
    case reset = 13
    case wrongPassphrase = 14
    case machineDied = 15
    case sleep = 16
    case usage = 64
    case badInput = 65
    case noSuchFile = 66
    case unavailable = 69
    case ourBug = 70
    case cannotWrite = 73
    case inputOutput = 74
    case timeLimit = 124
    case interrupted = 130

    package var meaning: String {
        switch self {
        case .asAsked:
            """
            ended as asked; frost verify: proven, or under Bochs no violation; frost verify-image: signed by as many \
            as asked for, and the image is the one described; frost attest: enrolled, or the machine runs the image
            """
        case .otherwise:
            """
            ended otherwise: an expected text or ending did not come, or an attack was missed; frost verify: \
            plaintext or keys leaked, or under Bochs a violation; frost exits --check: over budget; frost verify-image: \
            signed by too few, or another image; frost attest: a machine that is not believed; frost silicon: a claim is \
            contradicted
            """
        case .notProvable:
            "frost verify: not provable here, or under Bochs not judged, and why; frost silicon: proves nothing, and why"
        case .regression: "frost sweep: worse than the baseline"
        case .integrity: "integrity panic: DRAM was changed under the guest"
        case .panic: "any other panic of the hypervisor"
        case .tripleFault: "the guest ended in a triple fault"
        case .reset: "the guest reset the machine"
        case .wrongPassphrase: "wrong passphrase"
        case .machineDied: "the emulator died or was killed without an end record"
        case .sleep: "the guest put the machine to sleep"
        case .usage: "wrong usage"
        case .badInput: "a bad input file: a damaged or foreign image, not a kernel, a bad recipe"
        case .noSuchFile: "no such file or recipe"
        case .unavailable: "a tool, platform or feature is missing here"
        case .ourBug: "a bug of ours"
        case .cannotWrite: "the output cannot be written"
        case .inputOutput: "input or output failed"
        case .timeLimit: "the time limit was reached"
        case .interrupted: "interrupted by a signal"
        }
    }

    /// One line a code, for `--help`.
    package static var table: String {
        allCases.map { code in
            let number = String(code.rawValue)
            return String(repeating: " ", count: 5 - number.count) + number + "  " + code.meaning
        }.joined(separator: "\n")
    }
}
