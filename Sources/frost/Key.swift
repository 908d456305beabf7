import ArgumentParser
import Foundation
import FrostFormat
import FrostImage
import FrostSupport

struct Key: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show, add and remove an image's passphrases: of others, for recovery, or new ones.",
        discussion: """
            An image has \(KeyRing.slotCount) key slots. Each holds the image key under a passphrase of its own, and any \
            of them opens the image. The guest, what firmware measures and what signatures cover stay as they are.

            A slot that was removed may still stand in an older copy of the image, and on the disk that the file was on: who \
            has that and the passphrase opens the image, since the image key is the same. Make the image again to change it.
            """,
        subcommands: [List.self, Add.self, Remove.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show which key slots are taken.")

        @Argument(help: "The image.", completion: .file(extensions: ["img"]))
        var image: String

        @Option(help: "How they are printed.")
        var format = OutputFormat.text

        func run() throws {
            try format.print(KeySlotReport(slots: Key.ring(image).slots))
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add a passphrase.")

        @Argument(help: "The image.", completion: .file(extensions: ["img"]))
        var image: String

        @Option(help: "A passphrase that the image has, this file's only line.", completion: .file())
        var passphraseFile: String?

        @Option(help: "The new passphrase, this file's only line.", completion: .file())
        var newPassphraseFile: String?

        @Option(help: "Iterations of PBKDF2 for the new passphrase.")
        var kdfIterations = ImageKey.defaultIterations

        func run() throws {
            var ring = try Key.ring(image)
            let old = try Key.passphrase(passphraseFile)
            let new =
                try newPassphraseFile.map { try Passphrase(file: URL(filePath: $0)) }
                ?? Terminal.newPassphrase()
            let slot = try ring.add(new, iterations: kdfIterations, by: old)
            Talk.say("added a passphrase to \(image), in slot \(slot)")
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove a passphrase.")

        @Argument(help: "The image.", completion: .file(extensions: ["img"]))
        var image: String

        @Argument(help: "Its slot, as frost key list shows it.")
        var slot: Int

        @Option(
            help: "A passphrase of a slot that stays, this file's only line.", completion: .file())
        var passphraseFile: String?

        func run() throws {
            var ring = try Key.ring(image)
            try ring.remove(slot, by: Key.passphrase(passphraseFile))
            Talk.say("removed the passphrase in slot \(slot) of \(image)")
        }
    }

    private static func ring(_ image: String) throws -> KeyRing {
        try KeyRing(of: BootImage(reading: URL(filePath: image)))
    }

    private static func passphrase(_ file: String?) throws -> Passphrase {
        try file.map { try Passphrase(file: URL(filePath: $0)) } ?? Terminal.passphrase()
    }
}

/// Which slots of an image are taken.
struct KeySlotReport: Encodable, CustomStringConvertible {
    let slots: [KeyRing.Slot]

    var description: String {
        TextTable(
            ["slot", "key", "iterations of PBKDF2"],
            slots.map { ["\($0.slot)", "passphrase", "\($0.kdfIterations)"] }
        ).description
    }
}
