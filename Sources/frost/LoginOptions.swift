import ArgumentParser
import FrostFormat
import FrostMachine

/// A login by ssh into the guest that is run.
struct LoginOptions: ParsableArguments {
    @Flag(
        help: """
            Wait for the guest's ssh server, log in at this terminal, and power the guest off afterwards. Gives the guest a \
            network.
            """)
    var ssh = false

    @Option(
        help: ArgumentHelp(
            "With --ssh: run this instead of a shell; frost then ends as it does.", valueName: "command"))
    var sshCommand: String?

    @Option(help: "With --ssh: log in as this user.")
    var sshUser = "root"

    func validate() throws {
        guard sshCommand == nil || ssh else { throw ValidationError("--ssh-command goes with --ssh.") }
    }

    /// nil without --ssh.
    func session(for image: BootImage) throws -> SSHSession? {
        try ssh ? SSHSession(of: image.file, user: sshUser, command: sshCommand) : nil
    }
}
