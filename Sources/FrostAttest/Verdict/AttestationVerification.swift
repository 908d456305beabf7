package import Foundation
import FrostCore
import FrostFormat
package import FrostSupport

/// Whether a machine runs an image, by its TPM's word.
package struct AttestationVerification: Codable, Sendable {
    package var machine: String
    /// The image's file, or its reference's.
    package var image: String
    /// SHA-256 of the authenticated header.
    package var header: String
    package var phase: LaunchPrediction.Phase
    package var firmware: AttestationPolicy.Firmware
    /// Of the bank sha256: they were quoted, and are what the log leads to.
    package var pcrs: [Int]
    /// How often the TPM was started from nothing, and how often it woke again since.
    package var resets: UInt32
    package var restarts: UInt32
    /// One sentence each. None: the machine runs the image.
    package private(set) var failures: [String] = []
    /// What all this does not say.
    package private(set) var remarks: [String] = []

    package var isAccepted: Bool { failures.isEmpty }
    package var exitCode: ExitCode { isAccepted ? .asAsked : .otherwise }

    /// What the machine is to run.
    package struct Subject: Sendable {
        package let file: String
        let prediction: LaunchPrediction
        /// By the name of `make-image`'s option.
        let freeze: String

        /// - Throws: ``BootImage/Failure``
        package init(image: URL, phase: LaunchPrediction.Phase) throws {
            let image = try BootImage(reading: image)
            file = image.file.plainPath
            prediction = try LaunchPrediction(of: image, phase: phase)
            freeze = ImageReference.settings(image.header)["freeze"] ?? ""
        }

        /// - Throws: ``ImageReference/Failure``
        package init(reference: URL, phase: LaunchPrediction.Phase) throws {
            let told = try ImageReference(reading: reference)
            file = reference.plainPath
            let header = told.measured.first { $0.name == .header }?.sha256 ?? ""
            let application = told.application.flatMap { Hexadecimal.bytes($0) }
            prediction = LaunchPrediction(
                header: header, application: application.map { [.sha256: $0] } ?? [:], phase: phase)
            freeze = told.settings["freeze"] ?? ""
        }

        var isApplicationKnown: Bool {
            prediction.events.allSatisfy { $0.digests[.sha256] != nil }
        }
    }

    /// - Parameters:
    ///   - machineFile: what `machine` was read from.
    package init(
        _ evidence: Evidence, of machine: EnrolledMachine, subject: Subject, nonce: [UInt8],
        policy: AttestationPolicy
    ) throws(AttestationKey.Failure) {
        self.machine = machine.name
        image = subject.file
        (header, phase) = (subject.prediction.header, subject.prediction.phase)
        firmware = policy.firmware
        (resets, restarts) = (evidence.quote.resets, evidence.quote.restarts)
        let own =
            [LaunchPrediction.phasePCR, LaunchPrediction.headerPCR]
            + (policy.firmware == .uefi ? [LaunchPrediction.applicationPCR] : [])
        pcrs = Set(own + policy.pcrs + policy.pinned.keys + (policy.secureBoot ? [7] : [])).sorted()

        failures = try Self.quoteFailures(evidence, machine, nonce)
        guard failures.isEmpty else { return }
        failures = pcrFailures(evidence)
        guard failures.isEmpty else { return }
        let judge = LaunchJudge(log: evidence.log, prediction: subject.prediction, policy: policy)
        failures = launchFailures(judge, subject)
        remarks = remarks(policy)
    }

    // MARK: one thing after another, each on what was shown before

    private static func quoteFailures(
        _ evidence: Evidence, _ machine: EnrolledMachine, _ nonce: [UInt8]
    ) throws(AttestationKey.Failure) -> [String] {
        let key = try AttestationKey(pem: machine.attestationKey)
        guard key.hasSigned(evidence.message, evidence.signature) else {
            return [
                """
                The quote is not signed by the attestation key of \(machine.name): another TPM made it, or somebody changed it. \
                Take it from that machine again.
                """
            ]
        }
        guard evidence.quote.nonce == nonce else {
            return [
                """
                The quote was not made for this nonce: it is an older one that somebody replays, or was made for another \
                question. Ask again, with a new nonce.
                """
            ]
        }
        return []
    }

    private func pcrFailures(_ evidence: Evidence) -> [String] {
        let quote = evidence.quote, bank = PCRBank.sha256
        let quoted = quote.selections.first { $0.bank == bank }?.pcrs ?? []
        if let missing = pcrs.first(where: { !quoted.contains($0) }) {
            return [
                """
                The quote has no PCR \(missing) of the bank sha256. Quote at least \
                sha256:\(pcrs.map(String.init).joined(separator: ",")).
                """
            ]
        }
        guard evidence.log.banks.contains(bank) else {
            return [
                """
                The event log has no digests of the bank sha256, so that firmware has extended it with nothing. Turn the bank on \
                in the firmware's setup.
                """
            ]
        }
        let told = Dictionary(
            uniqueKeysWithValues: evidence.log.banks.map { ($0, evidence.log.values(in: $0)) })
        let advice = "Somebody edited the log, or it was taken before or after the quote: take both again."
        guard let bytes = evidence.values else {
            return quote.digest(of: told) == quote.digest
                ? [] : ["The event log does not lead to the PCRs that were quoted. \(advice)"]
        }
        guard let values = quote.values(bytes), quote.digest(of: values) == quote.digest else {
            return [
                """
                \(Evidence.values(in: evidence.folder).plainPath) is not what was quoted: somebody changed it, or it is of \
                another quote. Take it again with tpm2_quote -F values.
                """
            ]
        }
        let differing = pcrs.first { values[bank]?[$0] != told[bank]?[$0] }
        return differing.map { ["The event log does not lead to the PCR \($0) that was quoted. \(advice)"] }
            ?? []
    }

    private func launchFailures(_ judge: LaunchJudge, _ subject: Subject) -> [String] {
        let policy = judge.policy
        var failures: [String] = []
        if policy.firmware == .uefi, !subject.isApplicationKnown {
            return [
                """
                \(subject.file) does not say what UEFI firmware measures of the image. Have the reference made anew, or give the \
                image itself with --image.
                """
            ]
        }
        if let difference = judge.difference { failures.append(difference) }
        if policy.secureBoot, let doubt = judge.secureBootDoubt { failures.append(doubt) }
        let held = judge.log.values(in: .sha256)
        for (pcr, value) in policy.pinned.sorted(by: { $0.key < $1.key }) where held[pcr] != value {
            failures.append(
                """
                PCR \(pcr) is \(held[pcr]?.hexadecimal ?? "none"), which is not the value in the policy. Find out what has \
                changed: firmware, its settings, or the machine.
                """)
        }
        if let old = policy.old.first(where: { $0.header.lowercased() == header }) {
            failures.append(
                "\(subject.file) is the image \(old.name), older than \(policy.minimum ?? ""). Start a newer one."
            )
        }
        if subject.freeze == FreezeStrategy.window.rawValue, !policy.window {
            failures.append(
                """
                \(subject.file) was made with --freeze window, which keeps plaintext in DRAM. Make it with --freeze fit, or let \
                the policy say "window": true.
                """)
        }
        return failures
    }

    private func remarks(_ policy: AttestationPolicy) -> [String] {
        var remarks: [String] = []
        if policy.firmware == .bios {
            remarks.append(
                """
                a BIOS measures no image: PCR 9 was extended by software that nothing measured, so that whoever writes the disk \
                can make it hold this
                """)
        }
        if !pcrs.contains(0) { remarks.append("the firmware is not judged: PCR 0 does not count") }
        if phase == .launched { remarks.append("what the guest does from its first instruction on") }
        return remarks
    }
}

extension AttestationVerification: CustomStringConvertible {
    package var description: String {
        let pcrs = pcrs.map(String.init).joined(separator: ", ")
        var lines = [
            "machine      \(machine) \(isAccepted ? "runs" : "is NOT shown to run") \(image)",
            "header       \(header)", "phase        \(phase.rawValue)", "firmware     \(firmware.rawValue)",
            "PCRs         sha256: \(pcrs)",
            "TPM          \(resets.of("reset")), \(restarts.of("restart"))",
        ]
        for failure in failures { lines.append("refused      \(failure)") }
        for (number, remark) in remarks.enumerated() {
            lines.append("\(number == 0 ? "not said     " : "             ")\(remark)")
        }
        return lines.joined(separator: "\n")
    }
}
