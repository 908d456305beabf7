import FrostCore
package import FrostFormat
import FrostSupport

/// What an image's start leaves in a TPM's PCRs.
///
/// - Source: docs/guide/attestation.md, "What is measured".
package struct LaunchPrediction: Sendable {
    /// How far the hypervisor is.
    package enum Phase: String, Codable, Sendable, CaseIterable {
        /// It asks for the image key, and has measured the header.
        case locked
        case unlocked
        /// The guest runs, and the TPM is the guest's.
        case launched

        /// What is said of each phase that has been.
        package var texts: [String] {
            switch self {
            case .locked: []
            case .unlocked: [MEASURE_UNLOCKED]
            case .launched: [MEASURE_UNLOCKED, MEASURE_LAUNCHED]
            }
        }
    }

    package static let applicationPCR = 4
    package static let phasePCR = Int(MEASURE_PHASE_PCR)
    package static let headerPCR = Int(MEASURE_GUEST_PCR)

    /// SHA-256 of the authenticated header, in hexadecimal.
    package let header: String
    package let phase: Phase
    /// In the order in which they are measured.
    package let events: [MeasuredEvent]

    private static let call = "Calling EFI Application from Boot Option"
    private static let headerText = MEASURE_GUEST

    package static func header(_ digest: String) -> MeasuredEvent {
        MeasuredEvent(pcr: headerPCR, kind: .initialProgramLoader, text: headerText + digest)
    }

    /// Which header an event tells of; nil: none.
    package static func header(toldBy event: MeasuredEvent) -> String? {
        guard event.pcr == headerPCR, event.kind == .initialProgramLoader, let text = event.text,
            text.hasPrefix(headerText)
        else { return nil }
        return String(text.dropFirst(headerText.count))
    }

    /// - Parameter application: its hash by Authenticode, in the banks that are known.
    package init(header: String, application: [PCRBank: [UInt8]], phase: Phase) {
        (self.header, self.phase) = (header, phase)
        events =
            [
                MeasuredEvent(pcr: Self.applicationPCR, kind: .action, text: Self.call),
                MeasuredEvent(pcr: Self.applicationPCR, kind: .separator, data: [0, 0, 0, 0]),
                MeasuredEvent(
                    pcr: Self.applicationPCR, kind: .application, data: [], digests: application),
                Self.header(header),
            ]
            + phase.texts.map { MeasuredEvent(pcr: Self.phasePCR, kind: .initialProgramLoader, text: $0) }
    }

    /// - Throws: ``BootImage/Failure``
    package init(of image: BootImage, phase: Phase) throws {
        let header = try MeasuredPart.all(of: image).first { $0.name == .header }
        guard let header, let application = Authenticode.digests(of: try image.application()) else {
            throw BootImage.Failure.damaged(image.file.plainPath, what: "UEFI application")
        }
        self.init(header: header.sha256, application: application, phase: phase)
    }

    /// Of PCRs 4, 8 and 9; those in which nothing has been measured yet hold what they start with.
    package func values(in bank: PCRBank) -> [Int: [UInt8]] {
        let pcrs = [Self.applicationPCR, Self.phasePCR, Self.headerPCR]
        let start = Dictionary(uniqueKeysWithValues: pcrs.map { ($0, bank.initial($0)) })
        return start.merging(events.values(in: bank)) { $1 }
    }

    /// These one after another, as `tpm2_pcrread -o` writes them.
    package func rawValues(in bank: PCRBank) -> [UInt8] {
        values(in: bank).sorted { $0.key < $1.key }.flatMap(\.value)
    }
}
