import Foundation
package import FrostFormat
package import FrostImage
package import FrostMachine
package import FrostSupport

/// One run of a sweep, by all that decides what comes of it. What is nil was not set: the recipe's, or the default.
package struct SweepCell: Codable, Sendable, Hashable {
    /// A recipe by name or folder, or an image that is made already.
    package var image: String
    package var engine: EngineChoice?
    package var freeze: FreezeStrategy?
    package var frozen: ByteCount?
    package var policy: EvictionPolicy?
    package var cipher: CipherChoice?
    package var slots: UInt32?
    package var ram: ByteCount?
    package var traceEvery: UInt32?
    /// Linux's command line.
    package var append: String?
    package var kernelEntry: LinuxGuest.KernelEntry?
    package var passphraseFile: String?
    /// Nothing without ``passphraseFile``.
    package var kdfIterations: UInt32?
    package var platform = Platform.qemuTCG
    package var cpu: String?
    package var seed: UInt64?
    package var timeout: TimeSpan?
    /// A preset of the cache model, or ``smallestCache``: judge the run, too.
    package var verify: String?
    /// From 1.
    package var repetition = 1

    package static let smallestCache = "smallest"

    package init(image: String) {
        self.image = image
    }

    package var isImageFile: Bool { image.hasSuffix(".img") }

    /// What an image is made of; nil when it is made already.
    func imageOptions() throws -> ImageOptions? {
        guard !isImageFile else { return nil }
        var options = ImageOptions(key: .embedded)
        (options.ram, options.frozen, options.commandLine) = (ram, frozen, append)
        options.freeze = freeze ?? options.freeze
        options.engine = engine ?? options.engine
        options.policy = policy ?? options.policy
        options.cipher = cipher ?? options.cipher
        options.slotLimit = slots ?? options.slotLimit
        options.traceEvery = traceEvery ?? options.traceEvery
        options.kernelEntry = kernelEntry ?? options.kernelEntry
        if let passphraseFile {
            options.key = .passphrase(
                try Passphrase(file: URL(filePath: passphraseFile)),
                iterations: kdfIterations ?? ImageKey.defaultIterations)
        }
        return options
    }

    /// Equal for cells that boot the same image: only what it is made of, with nothing left open.
    func imagePart(of recipe: Recipe) throws -> SweepCell {
        var part = SweepCell(image: image)
        guard let options = try imageOptions() else { return part }
        (part.engine, part.freeze, part.policy) = (options.engine, options.freeze, options.policy)
        (part.ram, part.frozen) = (ram ?? recipe.facts.ram, frozen ?? recipe.facts.frozen)
        (part.slots, part.traceEvery) = (options.slotLimit, options.traceEvery)
        part.cipher = options.cipher
        (part.append, part.kernelEntry) = (append ?? recipe.facts.commandLine, options.kernelEntry)
        part.passphraseFile = passphraseFile
        part.kdfIterations = passphraseFile == nil ? nil : kdfIterations ?? ImageKey.defaultIterations
        return part
    }

    /// Repetitions of one cell are compared as one.
    var withoutRepetition: SweepCell {
        var cell = self
        cell.repetition = 1
        return cell
    }

    /// The command that runs it once more, by hand.
    /// - Parameters:
    ///   - image: what ``image`` became.
    ///   - connect: libvirt's URI.
    func arguments(image file: URL, record: URL, connect: String?) -> [String] {
        var words = [verify == nil ? "run" : "verify", file.plainPath, "--quiet"]
        func add(_ option: String, _ value: String?) {
            if let value { words += [option, value] }
        }
        if !isImageFile { add("--recipe", image) }
        add("--platform", platform.rawValue)
        add("--connect", connect)
        if verify == nil {
            add("--cpu", cpu)
        } else if verify != Self.smallestCache {
            add("--preset", verify)
        }
        add("--seed", seed.map { "\($0)" })
        add("--timeout", timeout.map { "\($0)" })
        add("--passphrase-file", passphraseFile)
        add("--record", record.plainPath)
        return words
    }
}

extension LinuxGuest.KernelEntry: Codable {}

extension SweepCell {
    /// SHA-256 of all values that are set, as hexadecimal digits.
    var definition: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = (try? encoder.encode(self)) ?? Data()
        return ContentHash.of([UInt8](text)).hexadecimal
    }
}
