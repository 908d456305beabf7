package import Foundation
package import FrostFormat
package import FrostImage
package import FrostSupport
import Glibc

/// Makes an image's reference, and a signature over it, by ssh-keygen.
package struct ReferenceSigning {
    package var image: BootImage
    /// Private, or public where ssh-agent has the private one.
    package var key: URL
    package var reference: URL
    package var signature: URL

    package init(image: BootImage, key: URL, reference: URL? = nil, signature: URL? = nil) {
        self.image = image
        self.key = key
        let place = reference ?? ImageReference.place(beside: image.file)
        self.reference = place
        self.signature = signature ?? place.appendingPathExtension("sig")
    }

    /// A reference that is there already is signed as it is, if it describes this image: so several sign the same.
    /// - Parameter tree: nil: there are no sources here.
    /// - Throws: ``Failure``, and as ``ImageReference``
    package func sign(
        in tree: SourceTree?, progress: @escaping (String) -> Void
    ) throws -> ImageReference {
        let files = FileManager.default
        guard files.fileExists(atPath: key.plainPath) else { throw Failure.noKey(key.plainPath) }
        guard !files.fileExists(atPath: signature.plainPath) else {
            throw Failure.exists(signature.plainPath)
        }
        let isThere = files.fileExists(atPath: reference.plainPath)
        let bytes: [UInt8]
        if isThere {
            bytes = try ImageReference.bytes(of: reference)
            let told = try ImageReference(bytes, named: reference.plainPath)
            var own = try ImageReference(of: image, build: told.build)
            if told.application == nil { own.application = nil }
            guard told == own else {
                throw Failure.otherImage(reference.plainPath, image: image.file.plainPath)
            }
        } else {
            let build = try tree.flatMap {
                try HypervisorBuild.ofHypervisor(in: image, from: $0, progress: progress)
            }
            bytes = Array(try ImageReference(of: image, build: build).text.utf8)
        }
        let signed = try signature(over: bytes)
        if !isThere { try write(bytes, to: reference) }
        try write(signed, to: signature)
        return try ImageReference(bytes, named: reference.plainPath)
    }

    private func signature(over bytes: [UInt8]) throws -> [UInt8] {
        let message = FileManager.default.temporaryDirectory.appending(
            path: "frost-signing-\(UUID().uuidString)")
        try write(bytes, to: message)
        defer { try? FileManager.default.removeItem(at: message) }
        let words = ["-Y", "sign", "-n", ReferenceSignature.namespace, "-f", key.absoluteURL.plainPath]
        let child = try ChildProcess(Tool.sshKeygen.locate(), words, input: .file(message))
        // It asks for a key's passphrase there.
        Terminal.give(to: child.identifier)
        child.send(SIGCONT)
        let (end, output, errors) = child.collect()
        Terminal.give(to: getpgrp())
        guard end.isSuccess, output.starts(with: Array("-----BEGIN SSH SIGNATURE-----".utf8)) else {
            let said = String(decoding: errors, as: UTF8.self).split(whereSeparator: \.isNewline)
                .filter { !$0.hasPrefix("Signing data") }.joined(separator: "; ")
            throw Failure.cannotSign(key.plainPath, said: said)
        }
        return output
    }

    private func write(_ bytes: [UInt8], to file: URL) throws(Failure) {
        do { try Data(bytes).write(to: file, options: .atomic) } catch {
            throw .cannotWrite(file.plainPath)
        }
    }

    package enum Failure: Explained, Equatable {
        case noKey(String)
        case exists(String)
        case otherImage(String, image: String)
        case cannotSign(String, said: String)
        case cannotWrite(String)

        package var exitCode: ExitCode {
            switch self {
            case .noKey: .noSuchFile
            case .otherImage, .cannotSign: .badInput
            case .exists, .cannotWrite: .cannotWrite
            }
        }

        package var description: String {
            switch self {
            case .noKey(let path):
                "There is no key \(path). Make one with ssh-keygen -t ed25519 -f \(path)."
            case .exists(let path):
                "\(path) is there already, and may be somebody else's signature. Name another file with -o."
            case .otherImage(let path, let image):
                """
                \(path) does not describe \(image), but an image that was there before. Delete it, or name another with \
                --reference.
                """
            case .cannotSign(let key, let said):
                "ssh-keygen does not sign with \(key): \(said). Check the key, its passphrase, and ssh-agent."
            case .cannotWrite(let path):
                "\(path) cannot be written. Choose another place with --reference and -o."
            }
        }
    }
}
