package import Foundation
import FrostCore

/// What a person types to open an image.
package struct Passphrase: Sendable, Equatable {
    package let bytes: [UInt8]

    package static let longestBytes = 128

    /// - Throws: ``Failure`` when it is empty, too long, or cannot be typed on a serial line.
    package init(_ text: String) throws(Failure) {
        let bytes = [UInt8](text.utf8)
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= Self.longestBytes else { throw .tooLong(bytes: bytes.count) }
        guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { throw .unprintable }
        self.bytes = bytes
    }

    /// A file with a passphrase, and ends of lines behind it, has no more.
    private static let longestFile = 4096

    /// The first line of a file.
    package init(file: URL) throws(Failure) {
        let path = file.plainPath
        guard let handle = try? FileHandle(forReadingFrom: file),
            let data = try? handle.read(upToCount: Self.longestFile + 1) ?? Data()
        else { throw .unreadable(path) }
        guard data.count <= Self.longestFile else { throw .longFile(path) }
        guard let text = String(data: data, encoding: .utf8) else { throw .unreadable(path) }
        let line = text.prefix { !$0.isNewline }
        guard text.dropFirst(line.count).allSatisfy(\.isNewline) else { throw .severalLines }
        try self.init(String(line))
    }

    package func wrappingKey(salt: [UInt8], iterations: UInt32) -> [UInt8] {
        var work = pbkdf2()
        var key = [UInt8](repeating: 0, count: Int(SHA256_BYTES))
        pbkdf2_sha256(&work, bytes, bytes.count, salt, salt.count, iterations, &key)
        return key
    }

    package enum Failure: Explained, Equatable {
        case empty
        case tooLong(bytes: Int)
        case unprintable
        case severalLines
        case longFile(String)
        case unreadable(String)
        case noTerminal
        case notTheSame

        package var exitCode: ExitCode {
            switch self {
            case .unreadable: .noSuchFile
            case .noTerminal, .notTheSame: .usage
            case .empty, .tooLong, .unprintable, .severalLines, .longFile: .badInput
            }
        }

        package var description: String {
            switch self {
            case .empty: "The passphrase is empty. Choose one with at least one character."
            case .tooLong(let bytes):
                "The passphrase has \(bytes) bytes; the console takes \(Passphrase.longestBytes). Choose a shorter one."
            case .unprintable:
                "The passphrase has control characters, which cannot be typed on a serial line. Leave them out."
            case .severalLines: "The passphrase file has more than one line. Keep the passphrase on one line."
            case .longFile(let path):
                "The passphrase file \(path) has more than \(Passphrase.longestFile) bytes. Give one with a passphrase alone."
            case .unreadable(let path):
                "The passphrase file \(path) cannot be read as text. Check the path and its permissions."
            case .noTerminal:
                """
                A passphrase is needed, but there is no terminal to ask on. Give --passphrase-file, or \
                --key-source embedded for a demonstration.
                """
            case .notTheSame: "The two passphrases differ; nothing was written. Try again."
            }
        }
    }
}
