import FrostSupport

struct AttackInterrupted: Explained {
    var exitCode: ExitCode { .interrupted }
    var description: String { "Interrupted: attacks that were not finished do not count." }
}
