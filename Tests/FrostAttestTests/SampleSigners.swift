import FrostAttest
import Foundation
import FrostFormat
import FrostSamples
import FrostSupport
import Testing

/// Keys of some people, and what they sign, by ssh-keygen itself.
final class SampleSigners {
    let scratch: Scratch
    private var publicKeys: [String: String] = [:]

    init(_ names: String...) throws {
        scratch = try Scratch()
        for name in names {
            try Tool.sshKeygen.run(
                ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file(name).plainPath], for: "make a key")
            let words = try String(contentsOf: file("\(name).pub"), encoding: .utf8).split(separator: " ")
            publicKeys[name] = words.prefix(2).joined(separator: " ")
        }
    }

    func file(_ name: String) -> URL { scratch.url.appending(path: name) }

    /// A file of allowed signers: on each line what stands before a key, and whose key.
    func allowed(_ lines: (String, key: String)...) throws -> URL {
        let text = lines.map { "\($0) \(publicKeys[$1] ?? "")\n" }.joined()
        try Data("# who may sign\n\n\(text)".utf8).write(to: file("allowed"))
        return file("allowed")
    }

    @discardableResult
    func sign(
        _ message: URL, by name: String, for purpose: String = ReferenceSignature.namespace,
        as signature: String? = nil
    ) throws -> URL {
        let signed = try Tool.sshKeygen.run(
            ["-Y", "sign", "-n", purpose, "-f", file(name).plainPath], for: "sign", input: .file(message))
        let place = file(signature ?? "\(name).sig")
        try Data(signed).write(to: place)
        return place
    }
}

extension ImageVerification {
    /// Without sources: the hypervisors of samples are nonsense.
    init(
        _ image: URL, _ reference: URL, _ allowed: URL, _ signatures: [URL], threshold: Int = 1
    ) throws {
        var question = Question(image: image, allowedSigners: allowed)
        (question.reference, question.signatures) = (reference, signatures)
        question.threshold = threshold
        try self.init(question, in: nil) { _ in }
    }

    var fields: [String] { differences.map { String($0.field.prefix { $0 != "(" }).trimmingSpaces } }
}

extension String {
    var trimmingSpaces: String { trimmingCharacters(in: .whitespaces) }
}
