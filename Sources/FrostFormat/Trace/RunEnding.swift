package import FrostSupport

/// How a run ended.
package enum RunEnding: Sendable, Equatable {
    /// The guest asked ACPI for S5.
    case powerOff(sleepType: UInt64)
    /// The guest asked ACPI for a sleep state from which it would wake up; the machine was powered off instead.
    case sleep(sleepType: UInt64)
    case reset(port: UInt64)
    case tripleFault
    /// `code` is nil for a number that this frost does not know. `level` is of a page, nil when none is meant.
    case panic(code: PanicCode?, value: UInt64, level: UInt8?)
    /// The passphrase was refused, and there is no other to try.
    case wrongPassphrase
    /// The text that the run should end at came.
    case untilText
    /// A hook or the user ended it.
    case stopped
    case timeLimit
    case interrupted
    /// The machine went away without an end record; `status` is of its process.
    case died(status: Int32, wasSignalled: Bool)

    /// Names as recipes and JSON spell them.
    package enum Kind: String, Codable, Sendable {
        case powerOff = "power-off"
        case sleep
        case reset
        case tripleFault = "triple-fault"
        case panic
        case wrongPassphrase = "wrong-passphrase"
        case untilText = "until-text"
        case stopped
        case timeLimit = "time-limit"
        case interrupted
        case died
    }

    package var kind: Kind {
        switch self {
        case .powerOff: .powerOff
        case .sleep: .sleep
        case .reset: .reset
        case .tripleFault: .tripleFault
        case .panic: .panic
        case .wrongPassphrase: .wrongPassphrase
        case .untilText: .untilText
        case .stopped: .stopped
        case .timeLimit: .timeLimit
        case .interrupted: .interrupted
        case .died: .died
        }
    }

    /// Where nothing special was asked for.
    package var exitCode: ExitCode {
        switch self {
        case .powerOff, .untilText, .stopped: .asAsked
        case .sleep: .sleep
        case .reset: .reset
        case .tripleFault: .tripleFault
        case .panic(.integrity, _, _): .integrity
        case .panic(.key, _, _), .wrongPassphrase: .wrongPassphrase
        case .panic: .panic
        case .timeLimit: .timeLimit
        case .interrupted: .interrupted
        case .died: .machineDied
        }
    }
}

extension RunEnding: CustomStringConvertible {
    package var description: String {
        switch self {
        case .powerOff: "the guest powered the machine off"
        case .sleep(let type):
            "the guest put the machine to sleep (SLP_TYP \(type)): its keys are erased, and it was powered off"
        case .reset(let port): "the guest reset the machine (port \(port.hexadecimal))"
        case .tripleFault: "the guest ended in a triple fault"
        case .panic(let code, let value, let level):
            "the hypervisor panicked: \(code?.rawValue ?? "unknown code"), value \(value.hexadecimal)"
                + (level.map { ", level \($0)" } ?? "")
        case .wrongPassphrase: "the passphrase was refused: wrong passphrase, or the image header was changed"
        case .untilText: "the awaited text appeared"
        case .stopped: "stopped on request"
        case .timeLimit: "the time limit was reached"
        case .interrupted: "interrupted by a signal"
        case .died(0, false):
            "the machine reset or switched off past the hypervisor, which has not erased its keys"
        case .died(let status, let wasSignalled):
            "the machine went away without an end record (\(wasSignalled ? "signal" : "status") \(status)): "
                + "with --record DIR, machine.log and console.txt say more"
        }
    }
}
