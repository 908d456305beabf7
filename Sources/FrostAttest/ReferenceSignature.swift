import Foundation
import FrostSupport

/// A signature over a reference, and whose it is by ssh-keygen's word.
package struct ReferenceSignature: Codable, Sendable, Equatable {
    package var file: String
    /// Of the file of allowed signers, all whose it may be. Empty: it does not count.
    package var principals: [String]
    /// As ssh-keygen tells it: `ED25519 SHA256:...`; nil when it does not count.
    package var key: String?
    /// Why it does not count.
    package var refusal: String?

    package init(file: String, principals: [String] = [], key: String? = nil, refusal: String? = nil) {
        (self.file, self.principals, self.key, self.refusal) = (file, principals, key, refusal)
    }

    /// What such signatures are for, so that one that was made for anything else does not count.
    package static let namespace = "frostvisor-image"

    /// How many have signed for certain: signatures that share a key or a principal, directly or by way of others, are one
    /// signer's.
    package static func signers(_ signatures: [ReferenceSignature]) -> Int {
        var signers: [Set<String>] = []
        for signature in signatures {
            guard let key = signature.key, !signature.principals.isEmpty else { continue }
            let names = Set(signature.principals.map { "principal \($0)" } + ["key \(key)"])
            let same = signers.filter { !$0.isDisjoint(with: names) }
            signers.removeAll { !$0.isDisjoint(with: names) }
            signers.append(same.reduce(names) { $0.union($1) })
        }
        return signers.count
    }
}

/// Asks ssh-keygen whose signatures are. What it reads are copies, so that all questions are about the same bytes.
final class SignatureJudge {
    private let folder: URL
    private let allowed: URL
    /// As the user named it.
    private let allowedPath: String
    private let lines: [String]

    private static let mostBytes = 1 << 20

    /// - Throws: ``Failure``
    init(allowedSigners: URL, message: [UInt8]) throws(Failure) {
        allowedPath = allowedSigners.plainPath
        let text = String(decoding: try Self.bytes(of: allowedSigners, "signers"), as: UTF8.self)
        // A blank line is one that ssh-keygen complains of.
        let all = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .map { $0.allSatisfy(\.isWhitespace) ? "#" : String($0) }
        lines = all.filter { !$0.hasPrefix("#") }
        folder = FileManager.default.temporaryDirectory.appending(
            path: "frost-signatures-\(UUID().uuidString)", directoryHint: .isDirectory)
        allowed = folder.appending(path: "allowed_signers")
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try Data(all.map { "\($0)\n" }.joined().utf8).write(to: allowed)
            try Data(message).write(to: folder.appending(path: "message"))
        } catch {
            throw .cannotWrite(folder.plainPath)
        }
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private static func bytes(of file: URL, _ what: String) throws(Failure) -> [UInt8] {
        let path = file.plainPath
        guard FileManager.default.fileExists(atPath: path) else { throw .missing(path, what: what) }
        guard let handle = try? FileHandle(forReadingFrom: file),
            let data = try? handle.read(upToCount: mostBytes + 1)
        else { throw .unreadable(path) }
        guard data.count <= mostBytes else { throw .tooLong(path) }
        return [UInt8](data)
    }

    /// - Throws: ``Failure``; ``Tool/Failure/missing(_:)``
    func judge(_ file: URL) throws -> ReferenceSignature {
        let path = file.plainPath
        let signature = folder.appending(path: "signature")
        try Data(Self.bytes(of: file, "signature")).write(to: signature)

        let whole = try find(signature, in: allowed)
        guard !whole.principals.isEmpty else {
            return ReferenceSignature(file: path, refusal: refusal(whole.words))
        }
        // Of several lines with its key ssh-keygen tells the first only.
        var principals: [String] = []
        let line = folder.appending(path: "line")
        for text in lines {
            try Data("\(text)\n".utf8).write(to: line)
            for name in try find(signature, in: line).principals where !principals.contains(name) {
                principals.append(name)
            }
        }
        var good = ReferenceSignature(file: path), words = ""
        for name in principals where !name.hasPrefix("!") {
            let said = try keygen(
                ["verify", "-f", allowed.plainPath, "-I", name, "-n", ReferenceSignature.namespace],
                signature, input: .file(folder.appending(path: "message")))
            guard said.isSuccess, let match = said.output.firstMatch(of: #/ with (\S+) key (SHA256:\S+)\s*$/#)
            else {
                words = said.words
                continue
            }
            good.principals.append(name)
            good.key = "\(match.1) \(match.2)"
        }
        if good.principals.isEmpty { good.refusal = refusal(words) }
        return good
    }

    private func find(_ signature: URL, in allowed: URL) throws -> (principals: [String], words: String) {
        let said = try keygen(["find-principals", "-f", allowed.plainPath], signature)
        // Older ones print a line's names as they stand there.
        let names = said.output.split { $0.isNewline || $0 == "," }.map(String.init)
        return (said.isSuccess ? names : [], said.words)
    }

    private func keygen(
        _ words: [String], _ signature: URL, input: ChildStream = .none
    ) throws -> (isSuccess: Bool, output: String, words: String) {
        let child = try ChildProcess(
            Tool.sshKeygen.locate(), ["-Y"] + words + ["-s", signature.plainPath], input: input)
        let said = child.collect()
        return (
            said.end.isSuccess, String(decoding: said.output, as: UTF8.self),
            String(decoding: said.error, as: UTF8.self)
        )
    }

    /// ssh-keygen's words, or ours where it has one for all.
    private func refusal(_ words: String) -> String {
        if words.contains("parse signature") || words.contains("sshsig_armor") {
            return "it is damaged, or no signature of ssh-keygen's"
        }
        if words.contains("namespace does not match") {
            return "it was not made for images: its namespace is not \(ReferenceSignature.namespace)"
        }
        if words.contains("incorrect signature") { return "it is not over this reference" }
        let general = ["No principal matched.", "Could not verify signature."]
        let own = words.replacing(allowed.plainPath, with: allowedPath).split(separator: "\n").map(
            String.init
        )
        .filter { !general.contains($0) }
        return own.isEmpty ? "its key is nobody's in \(allowedPath)" : own.joined(separator: "; ")
    }

    enum Failure: Explained, Equatable {
        case missing(String, what: String)
        case unreadable(String)
        case tooLong(String)
        case cannotWrite(String)

        var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .unreadable: .inputOutput
            case .tooLong: .badInput
            case .cannotWrite: .cannotWrite
            }
        }

        var description: String {
            switch self {
            case .missing(let path, "signature"):
                "There is no signature \(path). Get it from who signed the image, and name it with --signature."
            case .missing(let path, _):
                """
                There is no file \(path). Name one with --allowed-signers that has a line for each who may sign, as \
                ssh-keygen(1) has it.
                """
            case .unreadable(let path): "\(path) cannot be read. Check its permissions."
            case .tooLong(let path):
                "\(path) is too long to be a signature, or a file of allowed signers. Name another."
            case .cannotWrite(let path):
                "\(path) cannot be written. Make room, or set TMPDIR to another folder."
            }
        }
    }
}
