import Foundation
import FrostAttest
import FrostCore
import FrostFormat
import FrostSamples
import FrostSupport
import Testing

/// Whether a machine is believed, and by which sentence it is not: with swtpm, whose quotes tpm2-tools make.
@Suite("Attestation") struct AttestationTests {
    private let sample: SampleImage
    private let launch: LaunchPrediction
    private let started: [MeasuredEvent]

    init() throws {
        sample = try SampleImage()
        launch = try LaunchPrediction(of: BootImage(reading: sample.file), phase: .launched)
        started = launch.started()
    }

    private func verify(
        _ folder: URL, of machine: MeasuredMachine, phase: LaunchPrediction.Phase = .launched,
        nonce: [UInt8] = MeasuredMachine.nonce, _ policy: String = "{}"
    ) throws -> AttestationVerification {
        let answer = try AttestationVerification(
            Evidence(in: folder), of: machine.machine, subject: .init(image: sample.file, phase: phase),
            nonce: nonce, policy: AttestationPolicy(Array(policy.utf8), named: "policy"))
        #expect(answer.isAccepted == answer.failures.isEmpty)
        #expect(answer.exitCode == (answer.isAccepted ? .asAsked : .otherwise))
        #expect(answer.description.contains(answer.isAccepted ? " runs " : " is NOT shown to run "))
        return answer
    }

    private func refusal(
        _ folder: URL, of machine: MeasuredMachine, phase: LaunchPrediction.Phase = .launched,
        nonce: [UInt8] = MeasuredMachine.nonce, _ policy: String = "{}"
    ) throws -> String {
        let answer = try verify(folder, of: machine, phase: phase, nonce: nonce, policy)
        #expect(answer.failures.count == 1, "\(answer)")
        return answer.failures.first ?? ""
    }

    /// A machine that was started so, and what is said of it.
    private func refusal(ofStart events: [MeasuredEvent], _ policy: String = "{}") throws -> String {
        let machine = try MeasuredMachine(events)
        return try refusal(machine.evidence(), of: machine, policy)
    }

    // MARK: what is believed

    @Test(
        "A machine that runs the image is believed, with either kind of key, and by tpm2_checkquote",
        arguments: [MeasuredMachine.Key.ecc, .rsa])
    func good(key: MeasuredMachine.Key) throws {
        let machine = try MeasuredMachine(started, key: key)
        let folder = try machine.evidence()
        let answer = try verify(folder, of: machine)
        #expect(answer.isAccepted && answer.pcrs == [4, 8, 9] && answer.header == launch.header)
        try Data(machine.machine.attestationKey.utf8).write(to: machine.tpm.file("ak.pem"))
        try machine.tpm.run(
            """
            checkquote -u ak.pem -m evidence/quote.msg -s evidence/quote.sig -f evidence/quote.pcrs \
            -l sha256:0,4,7,8,9 -g sha256 -q \(MeasuredMachine.nonce.hexadecimal)
            """)
        // Without the values the log alone leads to what was quoted.
        try FileManager.default.removeItem(at: Evidence.values(in: folder))
        #expect(try verify(folder, of: machine).isAccepted)
        #expect(
            try verify(machine.evidence(pcrs: "sha1:0+sha256:0,4,7,8,9+sha384:9", named: "more"), of: machine)
                .isAccepted)
    }

    @Test("tpm2-tools make the same policy of a prediction and of the machine's PCRs")
    func policies() throws {
        let machine = try MeasuredMachine(started)
        // Bytes, which are no text: by the shell.
        try Tool.bash.run(
            [
                "-c",
                """
                \(BuiltFrost.program().plainPath) predict \(sample.file.plainPath) --format tpm2 --bank sha384 \
                >\(machine.tpm.file("pcrs").plainPath)
                """,
            ], for: "predict")
        for (name, words) in [("predicted", "-f pcrs"), ("read", "")] {
            try machine.tpm.run("startauthsession -S \(name).session")
            try machine.tpm.run("policypcr -S \(name).session -l sha384:4,8,9 -L \(name) \(words)")
            try machine.tpm.run("flushcontext \(name).session")
        }
        #expect(
            try Data(contentsOf: machine.tpm.file("predicted")) == Data(contentsOf: machine.tpm.file("read")))
    }

    @Test("Each phase is told from the others; a boot option that came back does no harm")
    func phases() throws {
        let returned = [
            started[2], started[3],
            MeasuredEvent(pcr: 4, kind: .action, text: "Returning from EFI Application from Boot Option"),
            started[2],
        ]
        let before = Array(started[..<2]) + returned + started[4...]
        let machine = try MeasuredMachine(before.dropLast(2))
        let words = "PCR 8 ends before EV_IPL 'frostvisor: unlocked'"
        #expect(try verify(machine.evidence(), of: machine, phase: .locked).isAccepted)
        #expect(try refusal(machine.evidence(), of: machine).contains(words))
        for (phase, event) in [
            (LaunchPrediction.Phase.unlocked, started[started.count - 2]),
            (.launched, started[started.count - 1]),
        ] {
            try machine.measure([event])
            machine.events.append(event)
            let folder = try machine.evidence()
            for other in LaunchPrediction.Phase.allCases {
                #expect(try verify(folder, of: machine, phase: other).isAccepted == (other == phase))
            }
        }
        let more = MeasuredEvent(pcr: 8, kind: .initialProgramLoader, text: "frostvisor: launched")
        try machine.measure([more])
        machine.events.append(more)
        #expect(try refusal(machine.evidence(), of: machine).contains("expected no more"))
    }

    // MARK: quotes

    @Test("A quote for another nonce, of another key, or of another TPM is refused")
    func otherQuotes() throws {
        let machine = try MeasuredMachine(started)
        let folder = try machine.evidence()
        let words = "was not made for this nonce"
        #expect(try refusal(folder, of: machine, nonce: MeasuredMachine.nonce.reversed()).contains(words))
        #expect(try refusal(folder, of: machine, nonce: MeasuredMachine.nonce + [0]).contains(words))
        let other = try MeasuredMachine(started)
        #expect(try refusal(folder, of: other).contains("is not signed by the attestation key of rack4"))
        let rsa = try MeasuredMachine(started, key: .rsa)
        #expect(try refusal(folder, of: rsa).contains("is not signed by"))
        #expect(try refusal(rsa.evidence(), of: machine).contains("is not signed by"))
    }

    @Test("No byte of a quote, its signature or its values can be changed")
    func changedQuotes() throws {
        let machine = try MeasuredMachine(started)
        let folder = try machine.evidence()
        for file in [
            Evidence.message(in: folder), Evidence.signature(in: folder), Evidence.values(in: folder),
        ] {
            let bytes = [UInt8](try Data(contentsOf: file))
            for at in bytes.indices {
                var changed = bytes
                changed[at] ^= 0x20
                try Data(changed).write(to: file)
                // Some make it no quote at all.
                let answer = Result { try verify(folder, of: machine) }
                switch answer {
                case .success(let answer): #expect(!answer.isAccepted, "\(file.lastPathComponent) \(at)")
                case .failure(let failure):
                    #expect((failure as? any Explained)?.exitCode == .badInput, "\(failure)")
                }
            }
            try Data(bytes).write(to: file)
        }
        #expect(try verify(folder, of: machine).isAccepted)
    }

    @Test("A quote without a PCR that counts, or without the bank sha256, is refused")
    func missingPCRs() throws {
        let machine = try MeasuredMachine(started)
        for (pcrs, policy) in [
            ("sha256:8,9", "{}"), ("sha384:4,8,9", "{}"), ("sha256:4,8,9", "{\"secure-boot\": true}"),
            ("sha256:4,8,9", "{\"pcrs\": [0]}"),
        ] {
            let refusal = try refusal(machine.evidence(pcrs: pcrs), of: machine, policy)
            #expect(refusal.contains("The quote has no PCR"), "\(refusal)")
        }
    }

    // MARK: logs

    @Test("A log that was edited does not lead to the PCRs, and the PCR is named")
    func editedLogs() throws {
        let header = LaunchPrediction.header(String(repeating: "0", count: 64))
        let other = started.map { $0.pcr == 9 ? header : $0 }
        let machine = try MeasuredMachine(other)
        machine.events = started
        let folder = try machine.evidence()
        #expect(try refusal(folder, of: machine).contains("does not lead to the PCR 9"))
        try FileManager.default.removeItem(at: Evidence.values(in: folder))
        #expect(try refusal(folder, of: machine).contains("does not lead to the PCRs that were quoted"))
        for count in 0..<started.count {
            machine.events = Array(started.prefix(count)) + started.dropFirst(count + 1)
            let counts = [4, 8, 9].contains(started[count].pcr)
            #expect(
                try verify(machine.evidence(), of: machine).failures.first?.contains("does not lead") == true)
            // Of PCRs that do not count nothing is asked.
            let honest = try MeasuredMachine(started)
            honest.events = machine.events
            #expect(try verify(honest.evidence(), of: honest).isAccepted == !counts)
            if count > 3 { break }
        }
    }

    @Test("Of a machine that started something else the first event that differs is named")
    func otherStarts() throws {
        let header = LaunchPrediction.header(String(repeating: "7", count: 64))
        let other = try refusal(ofStart: started.map { $0.pcr == 9 ? header : $0 })
        #expect(other.contains("PCR 9, event 14 of the log: found EV_IPL 'frostvisor: header sha256:7777"))
        #expect(other.contains("expected EV_IPL 'frostvisor: header sha256:\(launch.header)'"))
        #expect(other.contains("Another image was started: one that the policy does not name."))

        func application(_ text: String, kind: MeasuredEvent.Kind = .application) -> MeasuredEvent {
            var event = MeasuredEvent(pcr: 4, kind: kind, text: text)
            event.data = Array("Calling EFI Application from Boot Option".utf8)
            return event
        }
        let place = try #require(started.firstIndex { $0.kind == .application })
        var events = started
        events[place] = application("another one")
        #expect(
            try refusal(ofStart: events).contains(
                "PCR 4, event 13 of the log: found EV_EFI_BOOT_SERVICES_APPLICATION sha256"))
        // One that runs before the image, and whose event is told to be words of the firmware's.
        for kind in [MeasuredEvent.Kind.application, .action, .separator] {
            events = started
            events.insert(application("a boot kit", kind: kind), at: place)
            #expect(try refusal(ofStart: events).contains("PCR 4, event 13 of the log"))
        }
        // Called a note, it is not extended by who believes the log.
        let machine = try MeasuredMachine(events)
        machine.events[place].kind = .noAction
        #expect(try refusal(machine.evidence(), of: machine).contains("does not lead to the PCR 4"))
    }

    // MARK: policies

    @Test("An older image is refused by its name, as what runs and as what is asked for")
    func older() throws {
        let old = String(repeating: "a", count: 64), new = String(repeating: "B", count: 64)
        func policy(_ headers: [String], minimum: String) -> String {
            let images = headers.enumerated().map { "{\"name\": \"linux-\($0)\", \"header\": \"\($1)\"}" }
            return "{\"images\": [\(images.joined(separator: ", "))], \"minimum\": \"\(minimum)\"}"
        }
        let machine = try MeasuredMachine(started), folder = try machine.evidence()
        #expect(try verify(folder, of: machine, policy([old, launch.header], minimum: "linux-1")).isAccepted)
        #expect(try verify(folder, of: machine, policy([launch.header, new], minimum: "linux-0")).isAccepted)
        let asked = try refusal(folder, of: machine, policy([launch.header, new], minimum: "linux-1"))
        #expect(asked.contains("is the image linux-0, older than linux-1"))
        let event = LaunchPrediction.header(old)
        let run = try refusal(
            ofStart: started.map { $0.pcr == 9 ? event : $0 },
            policy([old, launch.header], minimum: "linux-1"))
        #expect(run.contains("Another image was started: the image linux-0, older than linux-1."))
    }

    @Test("An image that keeps plaintext in DRAM is refused unless the policy has it")
    func window() throws {
        try sample.forge { $0.freeze = FREEZE_WINDOW.rawValue }
        let events = try LaunchPrediction(of: BootImage(reading: sample.file), phase: .launched).started()
        let machine = try MeasuredMachine(events), folder = try machine.evidence()
        #expect(try refusal(folder, of: machine).contains("was made with --freeze window"))
        #expect(try verify(folder, of: machine, "{\"window\": true}").isAccepted)
    }

    @Test("Secure Boot and values of PCRs are asked for, and count only as the log proves them")
    func firmware() throws {
        let machine = try MeasuredMachine(started), folder = try machine.evidence()
        let zero = try #require(machine.events.values(in: .sha256)[0]).hexadecimal
        for policy in ["{\"secure-boot\": true}", "{\"values\": {\"0\": \"\(zero)\"}, \"pcrs\": [7]}"] {
            #expect(try verify(folder, of: machine, policy).isAccepted)
        }
        let other = try refusal(
            folder, of: machine, "{\"values\": {\"0\": \"\(String(repeating: "0", count: 64))\"}}")
        #expect(other.contains("PCR 0 is \(zero), which is not the value in the policy"))

        let off = try MeasuredMachine(launch.started(secureBoot: false))
        #expect(try verify(off.evidence(), of: off).isAccepted)
        #expect(
            try refusal(off.evidence(), of: off, "{\"secure-boot\": true}").contains("Secure Boot was off"))
        // The log's words are not what was hashed.
        off.events[1].data = started[1].data
        #expect(
            try refusal(off.evidence(), of: off, "{\"secure-boot\": true}").contains("Secure Boot was off"))
    }

    @Test("A BIOS is refused, unless the policy has it; then it is said that nothing measured the hypervisor")
    func bios() throws {
        let events =
            [MeasuredEvent(pcr: 4, kind: .init(rawValue: 5), text: "Calling INT 19h")]
            + launch.events.filter { $0.pcr != 4 }
        let machine = try MeasuredMachine(events), folder = try machine.evidence()
        #expect(try refusal(folder, of: machine).contains("A BIOS started the machine"))
        let answer = try verify(folder, of: machine, "{\"firmware\": \"bios\"}")
        #expect(answer.isAccepted && answer.pcrs == [8, 9])
        #expect(answer.description.contains("PCR 9 was extended by software that nothing measured"))
    }

    @Test(
        "A policy that cannot be meant is refused in a sentence",
        arguments: [
            ("{\"secure-bot\": true}", "'secure-bot', which is not known"), ("{", "is not JSON"),
            ("{\"firmware\": \"coreboot\"}", "a value of no use"), ("{\"pcrs\": [24]}", "that there is not"),
            ("{\"values\": {\"0\": \"00\"}}", "has no value of the bank"),
            ("{\"minimum\": \"x\"}", "none of its images"),
            ("{\"values\": {\"00\": \"\(String(repeating: "0", count: 64))\"}}", "has no value of the bank"),
            ("{\"images\": [{\"name\": \"a\", \"header\": \"b\"}]}", "has no header's SHA-256"),
        ])
    func badPolicies(text: String, words: String) throws {
        let refusal = #expect(throws: AttestationPolicy.Failure.self) {
            try AttestationPolicy(Array(text.utf8), named: "policy")
        }
        #expect(refusal?.description.contains(words) == true, "\(refusal?.description ?? "")")
        #expect(refusal?.exitCode == .badInput)
    }

    @Test(
        "A signed reference stands in for the image; one of before, that does not tell the application, does not"
    )
    func reference() throws {
        let machine = try MeasuredMachine(started), evidence = try Evidence(in: machine.evidence())
        let file = machine.tpm.file("reference")
        var reference = try ImageReference(of: BootImage(reading: sample.file), build: nil)
        func answer() throws -> AttestationVerification {
            try Data(reference.text.utf8).write(to: file)
            return try AttestationVerification(
                evidence, of: machine.machine, subject: .init(reference: file, phase: .launched),
                nonce: MeasuredMachine.nonce, policy: AttestationPolicy())
        }
        #expect(try answer().isAccepted)
        reference.application = nil
        #expect(try answer().failures.first?.contains("does not say what UEFI firmware measures") == true)
    }
}
