import FrostSupport

/// Something that is extended into a PCR, and what the log tells of it.
package struct MeasuredEvent: Sendable, Equatable {
    package var pcr: Int
    package var kind: Kind
    /// As the log has it: of an application it says where that lies, and is not what was hashed.
    package var data: [UInt8]
    package var digests: [PCRBank: [UInt8]]

    /// - Source: TCG PC Client Platform Firmware Profile 1.06, 10.4.1 "Event Types".
    package struct Kind: Sendable, Hashable, RawRepresentable {
        package var rawValue: UInt32

        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let noAction = Kind(rawValue: 0x03)
        package static let separator = Kind(rawValue: 0x04)
        package static let initialProgramLoader = Kind(rawValue: 0x0D)
        package static let variable = Kind(rawValue: 0x8000_0001)
        package static let application = Kind(rawValue: 0x8000_0003)
        package static let action = Kind(rawValue: 0x8000_0007)

        private static let names: [Kind: String] = [
            Kind(rawValue: 0x01): "EV_POST_CODE", .noAction: "EV_NO_ACTION", .separator: "EV_SEPARATOR",
            Kind(rawValue: 0x05): "EV_ACTION", Kind(rawValue: 0x06): "EV_EVENT_TAG",
            Kind(rawValue: 0x07): "EV_S_CRTM_CONTENTS", Kind(rawValue: 0x08): "EV_S_CRTM_VERSION",
            Kind(rawValue: 0x09): "EV_CPU_MICROCODE", Kind(rawValue: 0x0A): "EV_PLATFORM_CONFIG_FLAGS",
            Kind(rawValue: 0x0B): "EV_TABLE_OF_DEVICES", Kind(rawValue: 0x0C): "EV_COMPACT_HASH",
            .initialProgramLoader: "EV_IPL", Kind(rawValue: 0x0E): "EV_IPL_PARTITION_DATA",
            Kind(rawValue: 0x0F): "EV_NONHOST_CODE", Kind(rawValue: 0x10): "EV_NONHOST_CONFIG",
            .variable: "EV_EFI_VARIABLE_DRIVER_CONFIG",
            Kind(rawValue: 0x8000_0002): "EV_EFI_VARIABLE_BOOT",
            .application: "EV_EFI_BOOT_SERVICES_APPLICATION",
            Kind(rawValue: 0x8000_0004): "EV_EFI_BOOT_SERVICES_DRIVER",
            Kind(rawValue: 0x8000_0005): "EV_EFI_RUNTIME_SERVICES_DRIVER",
            Kind(rawValue: 0x8000_0006): "EV_EFI_GPT_EVENT", .action: "EV_EFI_ACTION",
            Kind(rawValue: 0x8000_0008): "EV_EFI_PLATFORM_FIRMWARE_BLOB",
            Kind(rawValue: 0x8000_0009): "EV_EFI_HANDOFF_TABLES",
            Kind(rawValue: 0x8000_000A): "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
            Kind(rawValue: 0x8000_000B): "EV_EFI_HANDOFF_TABLES2",
            Kind(rawValue: 0x8000_000C): "EV_EFI_VARIABLE_BOOT2",
            Kind(rawValue: 0x8000_00E0): "EV_EFI_VARIABLE_AUTHORITY",
        ]

        package var name: String { Self.names[self] ?? rawValue.hexadecimal }
    }

    package init(pcr: Int, kind: Kind, data: [UInt8], digests: [PCRBank: [UInt8]]) {
        (self.pcr, self.kind, self.data, self.digests) = (pcr, kind, data, digests)
    }

    /// One whose data is what is hashed.
    package init(pcr: Int, kind: Kind, data: [UInt8]) {
        self.init(
            pcr: pcr, kind: kind, data: data,
            digests: Dictionary(uniqueKeysWithValues: PCRBank.allCases.map { ($0, $0.hash(data)) }))
    }

    package init(pcr: Int, kind: Kind, text: String) {
        self.init(pcr: pcr, kind: kind, data: Array(text.utf8))
    }

    /// Whether the log's words are what was hashed: else anybody could have written them.
    package func isToldTruly(in bank: PCRBank) -> Bool { digests[bank] == bank.hash(data) }

    /// The data where it is a line of text.
    package var text: String? {
        guard !data.isEmpty, data.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }
}

extension Sequence<MeasuredEvent> {
    /// What the PCRs hold after these events, of each PCR that has one.
    package func values(in bank: PCRBank) -> [Int: [UInt8]] {
        var values: [Int: [UInt8]] = [:]
        for event in self where event.kind != .noAction {
            guard let digest = event.digests[bank] else { continue }
            values[event.pcr] = bank.extend(values[event.pcr] ?? bank.initial(event.pcr), with: digest)
        }
        return values
    }
}
