import FrostSupport

/// Whether a log tells of one image's start, and of nothing else that could have been: the first event that differs is named.
/// Types and data of events are not in the PCRs: only what their digests prove is believed.
struct LaunchJudge {
    let log: EventLog
    let prediction: LaunchPrediction
    let policy: AttestationPolicy

    private static let bank = PCRBank.sha256
    /// What firmware says before it starts something, and when that has come back: nothing that runs has such a hash.
    private static let words = [
        "Calling EFI Application from Boot Option", "Returning from EFI Application from Boot Option",
    ].map { MeasuredEvent(pcr: LaunchPrediction.applicationPCR, kind: .action, text: $0).digests[bank] }

    /// One sentence; nil: nothing differs.
    var difference: String? {
        let isUEFI = policy.firmware == .uefi
        if isUEFI, !log.events.contains(where: { $0.kind.rawValue >= 0x8000_0000 }) {
            return """
                A BIOS started the machine: it measures no image, and what extended PCR 9 was itself measured by nobody. Start \
                it from UEFI, or let the policy say "firmware": "bios" and believe whoever can write the disk.
                """
        }
        // Of each PCR that tells the image; also of one into which nothing is to have been extended yet.
        var expected: [Int: [MeasuredEvent]] = [
            LaunchPrediction.phasePCR: [], LaunchPrediction.headerPCR: [],
        ]
        for event in prediction.events where isUEFI || event.pcr != LaunchPrediction.applicationPCR {
            // What firmware says of itself is let pass, in whichever order.
            if event.kind != .action { expected[event.pcr, default: []].append(event) }
        }
        for (number, event) in log.events.enumerated() where event.kind != .noAction {
            guard let next = expected[event.pcr] else { continue }
            let digest = event.digests[Self.bank]
            if event.pcr == LaunchPrediction.applicationPCR, Self.words.contains(digest) { continue }
            guard let first = next.first, digest == first.digests[Self.bank] else {
                return sentence(event, number: number + 2, expected: next.first)
            }
            expected[event.pcr] = Array(next.dropFirst())
        }
        guard let missing = expected.sorted(by: { $0.key < $1.key }).compactMap(\.value.first).first else {
            return nil
        }
        let advice =
            missing.pcr == LaunchPrediction.phasePCR
            ? "The hypervisor was not that far: ask again later, or with another --phase."
            : "Check that the machine has started this image."
        return "PCR \(missing.pcr) ends before \(Self.words(missing)). \(advice)"
    }

    private func sentence(_ event: MeasuredEvent, number: Int, expected: MeasuredEvent?) -> String {
        let found = "PCR \(event.pcr), event \(number) of the log: found \(Self.words(event))"
        let wanted = expected.map { "expected \(Self.words($0))" } ?? "expected no more"
        if event.pcr == LaunchPrediction.phasePCR {
            return
                "\(found), \(wanted). The hypervisor is at another --phase, or somebody else has extended the PCR."
        }
        guard let header = LaunchPrediction.header(toldBy: event), event.isToldTruly(in: Self.bank) else {
            return
                "\(found), \(wanted). Something else was started than this image: do not trust the machine."
        }
        let old = policy.old.first { $0.header.lowercased() == header }
        let known = policy.images.first { $0.header.lowercased() == header }
        let who =
            old.map { "the image \($0.name), older than \(policy.minimum ?? "")" }
            ?? known.map { "the image \($0.name)" }
        return
            "\(found), \(wanted). Another image was started: \(who ?? "one that the policy does not name")."
    }

    private static func words(_ event: MeasuredEvent) -> String {
        let digest = "sha256 \(event.digests[bank]?.hexadecimal ?? "none")"
        // The log's own words only where they are what was hashed.
        let text = event.isToldTruly(in: bank) ? event.text.map { "'\($0)'" } : nil
        return "\(event.kind.name) \(text ?? digest)"
    }

    /// Why Secure Boot does not show to have been on; nil: it was.
    ///
    /// - Source: TCG PC Client Platform Firmware Profile 1.06, 3.3.4.8 "PCR[7]", 10.2.6 "UEFI_VARIABLE_DATA".
    var secureBootDoubt: String? {
        // EFI_GLOBAL_VARIABLE, then the lengths of name and data.
        let start: [UInt8] =
            [
                0x61, 0xDF, 0xE4, 0x8B, 0xCA, 0x93, 0xD2, 0x11, 0xAA, 0x0D, 0x00, 0xE0, 0x98, 0x03, 0x2B,
                0x8C, 10, 0,
                0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
            ] + "SecureBoot".utf8.flatMap { [$0, 0] }
        let on = MeasuredEvent(pcr: 7, kind: .variable, data: start + [1]).digests[Self.bank]
        let first = log.events.first { $0.pcr == 7 && $0.kind != .noAction }
        return first?.digests[Self.bank] == on
            ? nil
            : """
            Secure Boot was off, by PCR 7, or firmware measures it as nobody else does. Turn it on, or leave "secure-boot" out \
            of the policy.
            """
    }
}
