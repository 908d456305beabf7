import Foundation
import FrostAttest
import FrostFormat
import FrostImage
import FrostSamples
import FrostSupport
import Testing

/// Machines that are enrolled, in one go and by files that are carried, and those that are not: by the commands as they are built.
@Suite("Enrolment") struct EnrolmentTests {
    private let tpm: SampleTPM
    private var folder: URL { tpm.scratch.url }

    init() throws {
        tpm = try SampleTPM()
    }

    private static func roots(_ maker: SampleTPM.Maker) -> String {
        maker.certificates.map { " --ca \($0.plainPath)" }.joined()
    }

    private var roots: String {
        get throws { try Self.roots(SampleTPM.Maker.known.get()) }
    }

    private func frost(_ words: String, tcti: String? = nil) throws -> (
        code: Int32, error: String, output: String
    ) {
        try BuiltFrost.run(
            words.split(separator: " ").map(String.init) + (tcti.map { ["--tcti", $0] } ?? []), in: folder)
    }

    private func file(_ name: String) -> URL { tpm.file(name) }

    @Test(
        "A machine is enrolled, again with the same key, and over a connection that carries commands",
        arguments: ["ecc", "rsa"])
    func whole(kind: String) throws {
        let enrol = "attest enrol --name rack4 --key \(kind)\(try roots) -o"
        let first = try frost("\(enrol) machine.json", tcti: tpm.connection)
        try #require(first.code == 0, "\(first.error)")
        let machine = try EnrolledMachine(reading: file("machine.json"))
        #expect(machine.name == "rack4")
        // As openssl has the certificate and its key.
        try tpm.run("nvread 0x1c00002 -o ek.crt")
        let hash = { (command: String) in
            String(decoding: try Tool.bash.run(["-ec", command], for: "hash"), as: UTF8.self).prefix(64)
        }
        let certificate = file("ek.crt").plainPath
        #expect(
            try hash("openssl x509 -inform der -in \(certificate) -outform der | sha256sum")
                == machine.endorsementCertificate)
        #expect(
            try hash(
                """
                openssl x509 -inform der -in \(certificate) -noout -pubkey | openssl pkey -pubin -outform der | sha256sum
                """) == machine.endorsementKey)
        try tpm.run("readpublic -c 0x81010002 -f pem -o ak.pem -n ak.name")
        #expect(try String(contentsOf: file("ak.pem"), encoding: .utf8) == machine.attestationKey)
        #expect(try [UInt8](Data(contentsOf: file("ak.name"))).hexadecimal == machine.attestationKeyName)

        // What ssh would carry.
        let carried = "cmd:\(try Tool.tpm2.locate().plainPath) send --tcti \(tpm.connection)"
        let again = try frost("\(enrol) again.json", tcti: carried)
        #expect(again.code == 0, "\(again.error)")
        #expect(try EnrolledMachine(reading: file("again.json")) == machine)
    }

    /// The machine's half, by tpm2-tools alone.
    private func request(_ words: String = "-G ecc -s ecdsa", from tpm: SampleTPM) throws {
        try tpm.run("createek -c ek.ctx -G rsa")
        try tpm.run("flushcontext -t")
        try tpm.run("nvread 0x01C00002 -C o -o ek.crt")
        try tpm.run("createak -C ek.ctx -c ak.ctx \(words) -g sha256 -u ak.pub")
        try tpm.run("flushcontext -t")
    }

    private func answer(from tpm: SampleTPM) throws {
        try tpm.run("startauthsession --policy-session -S session")
        try tpm.run("policysecret -S session -c e")
        try tpm.run("activatecredential -c ak.ctx -C ek.ctx -i credential -o answer -P session:session")
    }

    @Test(
        "By files that are carried a machine is enrolled without frost, and what is kept meanwhile holds no secret"
    )
    func carried() throws {
        try request(from: tpm)
        let challenge = try frost("attest challenge . --name rack4\(roots) -o pending")
        try #require(challenge.code == 0, "\(challenge.error)")
        try answer(from: tpm)
        let secret = [UInt8](try Data(contentsOf: file("answer")))
        #expect(secret.count == 32)
        for name in ["pending", "credential"] {
            let kept = [UInt8](try Data(contentsOf: file(name)))
            #expect(kept.firstRange(of: secret) == nil)
            #expect(!String(decoding: kept, as: UTF8.self).contains(secret.hexadecimal))
        }
        let accepted = try frost("attest accept pending answer -o machine.json")
        #expect(accepted.code == 0, "\(accepted.error)")
        #expect(try EnrolledMachine(reading: file("machine.json")).name == "rack4")
        // To another challenge it is no answer.
        try #require(try frost("attest challenge . --name rack4\(roots) -o pending").code == 0)
        let old = try frost("attest accept pending answer -o other.json")
        #expect(old.code == 1 && old.error.contains("The answer is not the secret"))
        #expect(!FileManager.default.fileExists(atPath: file("other.json").plainPath))
    }

    @Test(
        "A TPM of another maker is refused, and no key is made in it; each certificate of the chain is enough"
    )
    func otherMaker() throws {
        let other = try SampleTPM.Maker()
        let refused = try frost(
            "attest enrol --name rack4\(Self.roots(other)) -o machine.json", tcti: tpm.connection)
        #expect(
            refused.code == 1 && refused.error.contains("does not vouch for the TPM's endorsement key"),
            "\(refused)")
        #expect(try !tpm.run("getcap handles-persistent").contains("0x81010002"))
        let maker = try SampleTPM.Maker.known.get()
        let root = try frost(
            "attest enrol --name rack4 --ca \(maker.certificates[0].plainPath) -o machine.json",
            tcti: tpm.connection)
        #expect(root.code == 1 && root.error.contains("unable to get local issuer certificate"))
        let issuer = try frost(
            "attest enrol --name rack4 --ca \(maker.certificates[1].plainPath) -o machine.json",
            tcti: tpm.connection)
        #expect(issuer.code == 0, "\(issuer.error)")
        try tpm.run("nvread 0x1c00002 -o ek.crt")
        let itself = try frost("attest enrol --name rack4 --ca ek.crt -o machine.json", tcti: tpm.connection)
        #expect(itself.code == 0, "\(itself.error)")
    }

    @Test("A certificate that the CA made for something else is refused")
    func otherPurpose() throws {
        let maker = try SampleTPM.Maker.known.get()
        // The CA's own certificate below the root: it is no endorsement key's.
        try Tool.bash.run(
            [
                "-ec",
                "openssl x509 -in \(maker.certificates[1].plainPath) -outform der -out \(file("ek.crt").plainPath)",
            ], for: "copy a certificate")
        let refused = try frost(
            "attest enrol --name rack4 --ek-certificate ek.crt\(roots) -o machine.json", tcti: tpm.connection)
        #expect(refused.code == 1 && refused.error.contains("not one of an endorsement key"), "\(refused)")
    }

    @Test("A key of another TPM, and one that could leave its TPM, are refused")
    func otherKeys() throws {
        try request(from: tpm)
        // Its endorsement key's certificate, beside a key that is not in it.
        let other = try SampleTPM(by: SampleTPM.Maker())
        try request(from: other)
        try FileManager.default.removeItem(at: file("ak.pub"))
        try FileManager.default.copyItem(at: other.file("ak.pub"), to: file("ak.pub"))
        try #require(try frost("attest challenge . --name rack4\(roots) -o pending").code == 0)
        #expect(throws: Tool.Failure.self) { try answer(from: tpm) }
        try FileManager.default.copyItem(at: file("credential"), to: other.file("credential"))
        try other.run("flushcontext -t")
        #expect(throws: Tool.Failure.self) { try answer(from: other) }

        try tpm.run("flushcontext -t")
        try tpm.run("createprimary -C o -c primary.ctx")
        try tpm.run("flushcontext -t")
        try tpm.run(
            "create -C primary.ctx -G ecc:ecdsa-sha256 -u ak.pub -r ak.priv -a sign|userwithauth|sensitivedataorigin"
        )
        let free = try frost("attest challenge . --name rack4\(roots) -o pending")
        #expect(free.code == 1 && free.error.contains("The attestation key is none"), "\(free)")
    }

    @Test("Another's certificate in the place of the TPM's own is found by the challenge")
    func otherCertificate() throws {
        let other = try SampleTPM(by: SampleTPM.Maker())
        try other.run("nvread 0x1c00002 -o ek.crt")
        let certificate = other.file("ek.crt").plainPath
        let refused = try frost(
            "attest enrol --name rack4 --ek-certificate \(certificate) --ca \(certificate) -o machine.json",
            tcti: tpm.connection)
        #expect(refused.code == 1 && refused.error.contains("does not open the challenge"), "\(refused)")
    }

    @Test("The guide's commands work as they are written, with ssh's part played by tpm2-tools")
    func guide() throws {
        let guide = SourceTree.underTest.root.appending(path: "docs/guide/attestation.md")
        var lines = try String(contentsOf: guide, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("    ") }.map { String($0.dropFirst(4)) }
        // The policy's example, which is no command.
        lines.removeAll { $0.hasPrefix("{") || $0.hasPrefix("}") || $0.hasPrefix("    \"") }
        let enrol = try #require(lines.firstIndex { $0.hasPrefix("frost attest enrol") })
        #expect(lines.count { $0.hasPrefix("frost ") } >= 9)
        try run(lines[..<enrol], on: tpm)

        let image = try BootImage(reading: file("hello.img"))
        let events = try LaunchPrediction(of: image, phase: .launched).started()
        let machine = try MeasuredMachine(events)
        try machine.tpm.run("evictcontrol -C o -c 0x81010002")
        for name in ["hello.img"] {
            try FileManager.default.copyItem(at: file(name), to: machine.tpm.file(name))
        }
        try Data(EventLog.bytes(of: events, banks: MeasuredMachine.banks)).write(to: machine.tpm.file("log"))
        let maker = try SampleTPM.Maker.known.get()
        let certificates = try maker.certificates.map { try Data(contentsOf: $0) }
        try certificates.reduce(Data(), +).write(to: machine.tpm.file("maker.pem"))
        let carried = try #require(lines.firstIndex { $0.hasPrefix("tpm2_createek") })
        try run(lines[enrol..<carried], on: machine.tpm)
        try machine.tpm.run("evictcontrol -C o -c 0x81010002")
        let said = try run(lines[carried...], on: machine.tpm)
        #expect(said.contains("machine      rack4 runs "), "\(said)")
    }

    @discardableResult
    private func run(_ lines: some Sequence<String>, on tpm: SampleTPM) throws -> String {
        let folder = tpm.scratch.url
        let text = lines.joined(separator: "\n")
            .replacing("cmd:ssh root@rack4 tpm2_send", with: "cmd:tpm2_send --tcti \(tpm.connection)")
            .replacing("/sys/kernel/security/tpm0/binary_bios_measurements", with: "log")
        // A machine's kernel does so between tools.
        let script = "set -e\ntrap 'tpm2_flushcontext -t >/dev/null 2>&1 || true' DEBUG\n\(text)"
        let process = try BuiltFrost.process(["-c", script], in: folder)
        process.executableURL = URL(filePath: "/bin/bash")
        let bin = BuiltFrost.program().deletingLastPathComponent().plainPath
        let path = process.environment?["PATH"] ?? ""
        process.environment?["PATH"] = "\(bin):\(path)"
        process.environment?["TPM2TOOLS_TCTI"] = tpm.connection
        try process.run()
        process.waitUntilExit()
        let texts = try ["error.txt", "output.txt"].map {
            try String(contentsOf: folder.appending(path: $0), encoding: .utf8)
        }
        #expect(process.terminationStatus == 0, "\(texts[0])")
        return texts[1]
    }

    @Test("From enrolment to verdict by commands alone")
    func commands() throws {
        let sample = try SampleImage()
        try FileManager.default.copyItem(at: sample.file, to: file("it.img"))
        let events = try LaunchPrediction(of: BootImage(reading: sample.file), phase: .launched).started()
        let machine = try MeasuredMachine(events)
        let nonce = MeasuredMachine.nonce.hexadecimal
        try Data(EventLog.bytes(of: events, banks: MeasuredMachine.banks)).write(to: file("log"))
        let connection = machine.tpm.connection
        for words in [
            "attest enrol --name rack4\(try roots) -o machine.json",
            "attest quote --nonce \(nonce) --log log -o evidence",
        ] {
            let said = try frost(words, tcti: connection)
            try #require(said.code == 0, "\(said.error)")
        }
        let verify = "attest verify evidence --image it.img --machine machine.json --nonce"
        let good = try frost("\(verify) \(nonce)")
        #expect(good.code == 0 && good.output.contains("machine      rack4 runs "), "\(good)")
        let json = try frost("\(verify) \(nonce) --format json")
        #expect(try JSON.decode(AttestationVerification.self, from: Data(json.output.utf8)).isAccepted)
        let replayed = try frost("\(verify) \(String(nonce.reversed()))")
        #expect(replayed.code == 1 && replayed.error.contains("was not made for this nonce"))
        #expect(replayed.output.contains("is NOT shown to run"))
    }
}
