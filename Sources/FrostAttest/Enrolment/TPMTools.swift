package import Foundation
import FrostSupport

/// A TPM that tpm2-tools reach, and a folder for what they write.
package final class TPMTools {
    package let folder: URL
    private let connection: String?

    /// - Parameter connection: as tpm2-tools take it; nil: what they take by themselves.
    package init(connection: String?) throws {
        self.connection = connection
        folder = FileManager.default.temporaryDirectory.appending(
            path: "frost-tpm-\(UUID().uuidString)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    package func file(_ name: String) -> URL { folder.appending(path: name) }

    /// nil: it failed, and said so.
    private func collect(_ words: [String]) throws -> (isSuccess: Bool, error: String) {
        let connection = self.connection.map { ["--tcti", $0] } ?? []
        let child = try ChildProcess(
            Tool.env.locate(),
            ["-C", folder.plainPath, Tool.tpm2.locate().plainPath] + words + connection)
        let said = child.collect()
        let lines = String(decoding: said.error, as: UTF8.self).split(whereSeparator: \.isNewline)
        let errors = lines.filter { $0.hasPrefix("ERROR: ") }
        return (said.end.isSuccess, (errors.isEmpty ? lines : errors).joined(separator: "; "))
    }

    /// - Throws: ``EnrolmentFailure/tool(_:words:)``; ``Tool/Failure/missing(_:)``
    package func run(_ words: String, for task: String) throws {
        let said = try collect(words.split(separator: " ").map(String.init))
        guard said.isSuccess else { throw EnrolmentFailure.tool(task, words: said.error) }
    }

    package func succeeds(_ words: String) throws -> Bool {
        try collect(words.split(separator: " ").map(String.init)).isSuccess
    }

    /// A TPM without a resource manager keeps what a tool has loaded; behind one this concerns nobody else.
    private func flush() throws { _ = try succeeds("flushcontext -t") }

    // MARK: the machine's side of an enrolment

    /// The endorsement key's certificate, where its maker has put it.
    ///
    /// - Source: TCG EK Credential Profile 2.5, 2.2.1.4 "Low Range": RSA 2048, ECC P-256.
    package func certificate() throws -> [UInt8] {
        for index in ["0x01C00002", "0x01C0000A"] where try succeeds("nvread \(index) -C o -o ek.crt") {
            return try BoundedFile.bytes(of: file("ek.crt"), most: EndorsementCertificate.mostBytes)
        }
        throw EnrolmentFailure.tool(
            "find a certificate of the endorsement key in the TPM",
            words:
                "it has none at 0x01C00002 and 0x01C0000A; get it from its maker, and name it with --ek-certificate"
        )
    }

    package enum KeyKind: String, Sendable, CaseIterable {
        case ecc, rsa

        fileprivate var words: String { self == .ecc ? "-G ecc -s ecdsa" : "-G rsa -s rsassa" }
    }

    private func makeEndorsementKey(isRSA: Bool) throws {
        try run("createek -c ek.ctx -G \(isRSA ? "rsa" : "ecc")", for: "load the TPM's endorsement key")
        try flush()
    }

    /// The attestation key's public area. One that is there already is used again.
    package func attestationKey(at handle: String, _ kind: KeyKind, isRSA: Bool) throws -> [UInt8] {
        try makeEndorsementKey(isRSA: isRSA)
        if try !succeeds("readpublic -c \(handle) -o ak.pub") {
            try run(
                "createak -C ek.ctx -c ak.ctx \(kind.words) -g sha256 -u ak.pub",
                for: "make an attestation key")
            try flush()
            try run("evictcontrol -C o -c ak.ctx \(handle)", for: "keep an attestation key at \(handle)")
            try flush()
        }
        return try BoundedFile.bytes(of: file("ak.pub"), most: Quote.mostBytes)
    }

    /// What the challenge holds, if the attestation key is in the same TPM as the endorsement key.
    package func answer(_ credential: [UInt8], at handle: String) throws -> [UInt8] {
        try Data(credential).write(to: file("credential"))
        try run("startauthsession --policy-session -S session", for: "start a session")
        try run("policysecret -S session -c e", for: "use the endorsement key")
        let said = try collect(
            [
                "activatecredential", "-c", handle, "-C", "ek.ctx", "-i", "credential", "-o", "answer", "-P",
                "session:session",
            ])
        _ = try succeeds("flushcontext session")
        try flush()
        guard said.isSuccess else { throw EnrolmentFailure.notActivated(said.error) }
        return try BoundedFile.bytes(of: file("answer"), most: Quote.mostBytes)
    }

    // MARK: evidence

    /// Writes what a verifier asks for.
    /// - Parameters:
    ///   - log: the machine's; read as it is.
    ///   - pcrs: as tpm2-tools take them.
    package func quote(
        at handle: String, nonce: [UInt8], pcrs: String, log: URL, to place: URL
    ) throws {
        let log = try BoundedFile.bytes(of: log, most: EventLog.mostBytes)
        try run(
            """
            quote -c \(handle) -l \(pcrs) -q \(nonce.hexadecimal) -m quote.msg -s quote.sig -o quote.pcrs -F values
            """, for: "make a quote with the key at \(handle)")
        do {
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            for name in [Evidence.message, Evidence.signature, Evidence.values] {
                try Data(contentsOf: name(folder)).write(to: name(place), options: .atomic)
            }
            try Data(log).write(to: Evidence.log(in: place), options: .atomic)
        } catch { throw EnrolmentFailure.cannotWrite(place.plainPath) }
    }
}
