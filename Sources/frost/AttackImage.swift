import ArgumentParser
import Foundation
import FrostAttack
import FrostFormat
import FrostImage
import FrostMachine
import FrostSupport

struct AttackImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attack",
        abstract:
            "Change DRAM under a running guest, or attack its machine, again and again, and see that nothing comes of it.",
        discussion: """
            The guest is booted once and saved; each attack goes on from there at a random instant, but those on the \
            image, which boot it. Nothing is done to the frozen region: no attacker reaches the cache. What is \
            changed must be found at its next use, or be shown to have had none; else the attack was missed. Each \
            attack is told as it ends, with the seed that it was drawn from; --only repeats one. The host's clock \
            decides at which instruction it falls.

            Kinds:
            \(AttackKind.table)

            Exit codes: 0 when no attack was missed, 1 when one was.
            """)

    @Argument(
        help: "The image, as made by frost make-image --trace-every 1.",
        completion: .file(extensions: ["img"]))
    var image: String

    @Option(help: "How many attacks, the kinds in turn.")
    var count = 110

    @Option(help: "Decides every draw. (default: a random one, told with the table)")
    var seed: UInt64?

    @Option(
        help: "Kinds of attack, separated by commas. (default: all that the machine offers a way to)",
        transform: Self.kinds)
    var kinds: [AttackKind]?

    @OptionGroup var board: BoardOptions

    @Option(help: "Only the attack of this number; goes with the same --seed and --kinds.")
    var only: Int?

    @Option(help: "Machines at once.")
    var jobs = 1

    @Option(
        help: """
            How long a guest goes on before it is judged, unless it has been back everywhere sooner. (default: \
            \(AttackCampaign().watch))
            """,
        transform: { try TimeSpan(parsing: $0) })
    var watch: TimeSpan?

    @Option(help: "Attack from when the console has said this. (default: from the guest's launch)")
    var after: String?

    @Option(help: "Text that the guest holds and DRAM must not. May be repeated.")
    var secret: [String] = []

    @Option(help: "Type the passphrase from this file's only line.", completion: .file())
    var passphraseFile: String?

    @Option(help: "How the table is printed.")
    var format = OutputFormat.text

    private static func kinds(_ text: String) throws -> [AttackKind] {
        try text.split(separator: ",").map { word in
            guard let kind = AttackKind(rawValue: String(word)) else {
                throw ValidationError(
                    "There is no kind '\(word)'. Known: "
                        + AttackKind.allCases.map(\.rawValue).joined(separator: ", ") + ".")
            }
            return kind
        }
    }

    func validate() throws {
        guard count > 0, jobs > 0, only ?? 0 >= 0 else {
            throw ValidationError("--count and --jobs want a number above zero, --only none below it.")
        }
        guard kinds?.isEmpty != true else { throw ValidationError("--kinds wants at least one kind.") }
        guard after != "", !secret.contains("") else {
            throw ValidationError("--after and --secret want a text to look for.")
        }
    }

    func run() throws {
        let image = try BootImage(reading: URL(filePath: image))
        try image.requireGuest()
        var campaign = AttackCampaign()
        (campaign.kinds, campaign.count, campaign.only) = (kinds, count, only)
        campaign.board = try board.board()
        campaign.seed = seed ?? .random(in: 1...UInt64(UInt32.max))
        (campaign.jobs, campaign.after, campaign.secrets) = (jobs, after, secret)
        campaign.watch = watch ?? campaign.watch
        if image.needsPassphrase {
            campaign.passphrase =
                try passphraseFile.map { try Passphrase(file: URL(filePath: $0)) } ?? Terminal.passphrase()
        }
        let report = try campaign.run(on: image, in: SourceTree(), progress: Talk.say)
        try format.print(report)
        throw Outcome(exitCode: report.exitCode)
    }
}
