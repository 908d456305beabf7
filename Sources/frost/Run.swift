import ArgumentParser
import Foundation
import FrostFormat
import FrostImage
import FrostMachine
import FrostSilicon
import FrostSupport

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Boot an image, and keep everything it said.",
        discussion: """
            The guest's console goes to standard output, the summary to standard error; with --format json the \
            summary goes to standard output, and the console into the run's folder only.
            qemu-tcg emulates AMD's SVM, bochs both vendors' CPUs (see --cpu). libvirt starts the machine of qemu-tcg, \
            by a driver inside of frost or the daemon that --connect names: docs/guide/libvirt.md.

            Exit codes:
            \(FrostSupport.ExitCode.table)
            """)

    @Argument(help: "The image, as made by frost make-image.", completion: .file(extensions: ["img"]))
    var image: String

    @Option(help: "Type the passphrase from this file's only line.", completion: .file())
    var passphraseFile: String?

    @Option(help: "What runs the image.")
    var platform = Platform.qemuTCG

    @OptionGroup var libvirt: LibvirtOptions

    @OptionGroup var board: BoardOptions

    @OptionGroup var guestDevices: GuestDeviceOptions

    @OptionGroup var login: LoginOptions

    @Option(
        help: """
            The CPU that the emulator shows: intel, amd, or a model as Bochs or QEMU spell it. (default: one that \
            runs the image's engine)
            """,
        transform: { try CPUChoice(parsing: $0) })
    var cpu: CPUChoice?

    @Option(help: "Start the machine's random numbers, such as RDRAND's, from this (qemu-tcg).")
    var seed: UInt64?

    @Option(help: "Keep the run's files in this folder.", completion: .directory)
    var record: String?

    @Flag(help: "With --record: keep the machine's physical memory as well.")
    var keepRam = false

    @Flag(
        help: """
            With --record: time is counted in instructions, and those of the hypervisor exit by exit, for frost \
            exits. qemu-tcg only.
            """)
    var countInstructions = false

    @Option(
        help: "Kill the machine after this time. (default: the recipe's, else 120s)",
        transform: { try TimeSpan(parsing: $0) })
    var timeout: TimeSpan?

    @Option(help: "Text that must appear on the console. May be repeated.")
    var expect: [String] = []

    @Option(
        help: """
            Stop the machine, successfully, when this text appears on the console. (default for the silicon image: its end)
            """)
    var until: String?

    @Option(help: "Judge by the ending and the console lines that this recipe expects.", completion: .recipe)
    var recipe: String?

    @Flag(help: "The terminal is the guest's console; Ctrl-A x ends the run.")
    var interactive = false

    @Flag(help: "Do not show the console.")
    var quiet = false

    @Option(help: "How the summary is printed.")
    var format = OutputFormat.text

    func validate() throws {
        guard !keepRam || record != nil else { throw ValidationError("--keep-ram goes with --record DIR.") }
        try libvirt.validate(for: platform)
        guard !countInstructions || record != nil else {
            throw ValidationError("--count-instructions goes with --record DIR.")
        }
        guard !login.ssh || !interactive else {
            throw ValidationError("--ssh and --interactive both want the terminal.")
        }
        guard !interactive || (format == .text && !quiet) else {
            throw ValidationError("--interactive shows the console: leave out --quiet and --format json.")
        }
        guard until != "" && !expect.contains("") else {
            throw ValidationError("--until and --expect want a text to look for.")
        }
    }

    func run() throws {
        let image = try BootImage(reading: URL(filePath: image))
        let options = try options(for: image, login: login.session(for: image))
        if let fault = try image.fault(in: SourceTree()) { Talk.say(fault.warning) }
        let result = try FrostMachine.Run(image, options: options).boot()
        let report = RunReport(result, image: image, options: options)
        switch format {
        case .json: try format.print(report)
        case .text: Talk.show(report)
        }
        throw Outcome(exitCode: result.exitCode)
    }

    private func options(for image: BootImage, login: SSHSession?) throws -> RunOptions {
        var options =
            try recipe.map { RunOptions(recipe: try Recipe(named: $0, in: SourceTree())) } ?? RunOptions()
        (options.platform, options.cpu) = (platform, cpu)
        (options.connect, options.seed) = (libvirt.connect, seed)
        options.board = try board.board(
            disks: guestDevices.disks(), network: guestDevices.network(leadingTo: login?.port))
        options.board.tpm = guestDevices.softwareTPM
        options.login = login
        try platform.check(connect: libvirt.connect)
        if countInstructions {
            let symbols = try Toolchain(tree: SourceTree(), progress: Talk.say).symbolFile(of: image)
            options.instructions = try InstructionPlugin(symbols: SymbolTable(reading: symbols))
        }
        options.timeLimit = timeout ?? (login == nil ? options.timeLimit : Self.loginTimeLimit)
        options.expected += expect
        options.until = until ?? (image.isSilicon && !interactive ? SiliconResult.done : nil)
        options.record = record.map { URL(filePath: $0, directoryHint: .isDirectory) }
        options.keepsRAM = keepRam
        if keepRam && platform.has(.memoryDump) {
            options.symbols = try Toolchain(tree: SourceTree(), progress: Talk.say).symbols(of: image)
        }
        options.isInteractive = interactive
        options.catchesSignals = true
        if image.needsPassphrase {
            if let file = passphraseFile {
                options.passphrase = try Passphrase(file: URL(filePath: file))
            } else if !interactive {
                options.passphrase = try Terminal.passphrase()
            }
        }
        if format == .text && !quiet {
            // A reader that has gone away, as head does, is no reason to end the run.
            // Once somebody has logged in, the terminal is theirs.
            options.console = {
                guard login?.hasConnected != true else { return }
                try? FileHandle.standardOutput.write(contentsOf: Data($0))
            }
        }
        return options
    }

    /// For the guest's ssh server to answer.
    private static let loginTimeLimit = TimeSpan(.seconds(900))
}
