import Foundation
import FrostFormat
import FrostHost
import FrostImage
import FrostMachine
import FrostSupport

/// What can be varied or fixed in a sweep, spelled as frost's options are. In the order of a cell's name.
enum SweepKey: String, CaseIterable {
    case image, platform, cpu, engine, freeze, frozen, policy, cipher, slots, ram
    case traceEvery = "trace-every"
    case append
    case kernelEntry = "kernel-entry"
    case verify, seed, timeout
    case passphraseFile = "passphrase-file"
    case kdfIterations = "kdf-iterations"

    /// Decides how an image is made.
    var isOfImage: Bool {
        switch self {
        case .engine, .freeze, .frozen, .policy, .cipher, .slots, .ram, .traceEvery, .append, .kernelEntry,
            .kdfIterations:
            true
        case .image, .platform, .cpu, .verify, .seed, .timeout, .passphraseFile: false
        }
    }

    /// Sets a cell's value from what the file says.
    /// - Parameter folder: what paths are relative to.
    /// - Throws: ``Unfit``, or the ``Explained`` of the value's type.
    func set(_ text: String, in cell: inout SweepCell, tree: SourceTree, folder: URL) throws {
        guard !text.isEmpty else { throw Unfit("\(rawValue) is empty") }
        switch self {
        case .image:
            let isPath = text.contains("/") || text.hasSuffix(".img")
            cell.image = isPath ? Self.path(text, folder) : text
            if cell.isImageFile {
                _ = try BootImage(reading: URL(filePath: cell.image))
            } else {
                _ = try Recipe(named: cell.image, in: tree)
            }
        case .platform: cell.platform = try choice(text)
        case .cpu:
            _ = try CPUChoice(parsing: text)
            cell.cpu = text
        case .engine:
            cell.engine = try choice(text)
            try cell.imageOptions()?.check()
        case .freeze:
            cell.freeze = try choice(text)
            try cell.imageOptions()?.check()
        case .frozen: cell.frozen = try ByteCount(parsing: text)
        case .policy: cell.policy = try choice(text)
        case .cipher: cell.cipher = try choice(text)
        case .slots:
            cell.slots = try number(text)
            try cell.imageOptions()?.check()
        case .ram: cell.ram = try ByteCount(parsing: text)
        case .traceEvery: cell.traceEvery = try number(text)
        case .append: cell.append = text
        case .kernelEntry: cell.kernelEntry = try choice(text)
        case .verify:
            if text != SweepCell.smallestCache { _ = try CacheChoice(preset: text) }
            cell.verify = text
        case .seed: cell.seed = try number(text)
        case .timeout: cell.timeout = try TimeSpan(parsing: text)
        case .passphraseFile:
            let path = Self.path(text, folder)
            _ = try Passphrase(file: URL(filePath: path))
            cell.passphraseFile = path
        case .kdfIterations: cell.kdfIterations = try number(text)
        }
    }

    private static func path(_ text: String, _ folder: URL) -> String {
        URL(filePath: text, relativeTo: folder).absoluteURL.standardizedFileURL.plainPath
    }

    private func choice<Choice: CaseIterable & RawRepresentable>(_ text: String) throws -> Choice
    where Choice.RawValue == String {
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw Unfit("'\(text)' is no \(rawValue): write one of \(known)")
        }
        return choice
    }

    private func number<Number: FixedWidthInteger>(_ text: String) throws -> Number {
        guard let number = Number(text) else {
            throw Unfit("'\(text)' is no \(rawValue): write a whole number from 0 to \(Number.max)")
        }
        return number
    }

    /// As a cell's name has it; nil: not set.
    func label(of cell: SweepCell) -> String? {
        switch self {
        case .image:
            let name = URL(filePath: cell.image).lastPathComponent
            return cell.isImageFile ? String(name.dropLast(4)) : name
        case .platform: return cell.platform.rawValue
        case .cpu: return cell.cpu
        case .engine: return cell.engine?.rawValue
        case .freeze: return cell.freeze?.rawValue
        case .frozen: return cell.frozen.map { "\($0)" }
        case .policy: return cell.policy?.rawValue
        case .cipher: return cell.cipher?.rawValue
        case .slots: return cell.slots.map { "slots\($0)" }
        case .ram: return cell.ram.map { "ram\($0)" }
        case .traceEvery: return cell.traceEvery.map { "every\($0)" }
        case .append: return cell.append
        case .kernelEntry: return cell.kernelEntry?.rawValue
        case .verify: return cell.verify
        case .seed: return cell.seed.map { "seed\($0)" }
        case .timeout: return cell.timeout.map { "\($0)" }
        case .kdfIterations: return cell.kdfIterations.map { "kdf\($0)" }
        case .passphraseFile: return cell.passphraseFile.map { URL(filePath: $0).lastPathComponent }
        }
    }

    /// A value of no use, and what to write instead.
    struct Unfit: Error {
        let sentence: String

        init(_ sentence: String) {
            self.sentence = sentence
        }
    }
}
