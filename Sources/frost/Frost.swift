import ArgumentParser
import Foundation
import FrostSupport
import Glibc

@main
struct Frost: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "frost",
        abstract: "Build, boot and inspect Frostvisor images: guests whose RAM is ciphertext in DRAM.",
        discussion: """
            Results go to standard output, progress and warnings to standard error.

            Exit codes:
            \(FrostSupport.ExitCode.table)
            """,
        version: "0.1.0",
        subcommands: [
            Doctor.self, MakeImage.self, Run.self, Verify.self, ColdbootCommand.self,
            AttackImage.self,
            TraceCommand.self, Exits.self, Replay.self, SweepCommand.self, ReportCommand.self, Bench.self,
            Key.self, Reference.self, SignImage.self, VerifyImage.self, Predict.self, Attest.self,
            Silicon.self,
        ])

    static func main() {
        do {
            try checkCommand()
            try checkOptions()
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as any Explained {
            Talk.say("error: \(failure)")
            Glibc.exit(failure.exitCode.rawValue)
        } catch let outcome as Outcome {
            Glibc.exit(outcome.exitCode.rawValue)
        } catch {
            // ArgumentParser knows its own errors; what it does not know comes from the system.
            guard exitCode(for: error) == .failure else { exit(withError: error) }
            Talk.say(
                "error: \(error.localizedDescription) Check the paths, their permissions and free space.")
            Glibc.exit(FrostSupport.ExitCode.inputOutput.rawValue)
        }
    }

    /// ArgumentParser calls a mistyped command an unexpected argument.
    private static func checkCommand() throws {
        let known = configuration.subcommands.map { $0._commandName }
        guard let name = CommandLine.arguments.dropFirst().first, !name.hasPrefix("-"),
            !(known + ["help"]).contains(name)
        else { return }
        throw ValidationError("There is no command '\(name)'. Known: \(known.joined(separator: ", ")).")
    }

    private static func checkOptions() throws {
        var words = CommandLine.arguments.dropFirst()
        var command: any ParsableCommand.Type = Self.self
        while let next = command.configuration.subcommands.first(where: { $0._commandName == words.first }) {
            command = next
            words = words.dropFirst()
        }
        guard let repeated = try RepeatedOption(in: Array(words), of: command) else { return }
        throw ValidationError("\(repeated.name) is given twice, and takes one value. Leave one of them out.")
    }
}
