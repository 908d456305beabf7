import Foundation
package import FrostSupport

/// What stands around the CPU and its memory.
package struct Board: Sendable, Equatable, Codable {
    package enum Chipset: String, Sendable, Codable, CaseIterable {
        /// Intel's 440FX and PIIX3.
        case pc
        /// Intel's Q35 and ICH9: the one that may have an IOMMU.
        case q35

        /// QEMU's device that has the registers of sleep.
        var sleepDevice: String {
            switch self {
            case .pc: "PIIX4_PM"
            case .q35: "ICH9-LPC"
            }
        }
    }

    package enum IOMMU: String, Sendable, Codable, CaseIterable {
        case none
        /// VT-d.
        case intel
        /// AMD-Vi.
        case amd

        fileprivate var arguments: [String] {
            switch self {
            case .none: []
            case .intel: ["-device", "intel-iommu"]
            case .amd: ["-device", "amd-iommu"]
            }
        }
    }

    package var chipset = Chipset.pc
    package var firmware = Firmware.bios
    package var iommu = IOMMU.none
    /// As QEMU takes them after -device.
    package var devices: [String] = []
    package var disks: [GuestDisk] = []
    package var network: GuestNetwork?
    package var tpm: SoftwareTPM?
    /// What devices of `devices` are led by, as QEMU takes them after -chardev.
    package var characterDevices: [String]?
    /// Of the machine's; a guest has one.
    package var cpus = 1

    package init() {}

    /// - Parameters:
    ///   - chipset: nil: the one that the rest asks for.
    ///   - firmware: with Secure Boot it wants a chipset that guards System Management Mode.
    ///   - iommu: nil: VT-d, where the guest is given a disk or a network; else none.
    ///   - cpus: at least 1.
    ///   - allowsUnprotectedDMA: devices may stand where nothing is between them and memory.
    /// - Throws: ``Failure``
    package init(
        chipset: Chipset? = nil, firmware: Firmware = .bios, iommu: IOMMU? = nil, devices: [String] = [],
        disks: [GuestDisk] = [],
        network: GuestNetwork? = nil, cpus: Int = 1, allowsUnprotectedDMA: Bool = false
    ) throws(Failure) {
        (self.disks, self.network) = (disks, network)
        let iommu = iommu ?? (needsSharing ? .intel : .none)
        self.chipset = chipset ?? (iommu == .none && !firmware.needsSMM ? .pc : .q35)
        self.firmware = firmware
        (self.iommu, self.devices, self.cpus) = (iommu, devices, cpus)
        guard Self.cpuCounts.contains(cpus) else { throw .cpus(cpus) }
        guard iommu == .none || self.chipset == .q35 else { throw .noIOMMU(self.chipset) }
        guard !firmware.needsSMM || self.chipset == .q35 else { throw .noSecureBoot(self.chipset) }
        if let device = devices.first, iommu == .none, !allowsUnprotectedDMA { throw .unprotected(device) }
        // Whatever is allowed: the hypervisor lets the guest have no device master the bus there.
        guard !needsSharing || iommu != .none else { throw .useless }
        let onAHCI = disks.count { $0.bus == .ahci }
        guard onAHCI <= [GuestDisk].mostOnAHCI else { throw .manyDisks(onAHCI) }
    }

    /// What the guest is given beside the machine itself, for people.
    package var given: [String] {
        devices + disks.map { "disk \($0.file.lastPathComponent)" } + (network == nil ? [] : ["network"])
    }

    /// Whether the guest is given what it has to share pages with.
    package var needsSharing: Bool { !disks.isEmpty || network != nil }

    /// What QEMU's PCs take without x2APIC.
    private static let cpuCounts = 1...254

    /// From this much RAM on, QEMU divides it otherwise than on `pc`, and we would look for it in the wrong place.
    /// - Source: QEMU, hw/i386/pc_q35.c.
    private static let q35Split: ByteCount = 2816 * .mebibyte

    /// - Throws: ``Failure/tooMuchRAM(_:)``, ``Firmware/Failure``
    func check(ram: ByteCount) throws {
        guard chipset == .pc || ram < Self.q35Split else { throw Failure.tooMuchRAM(ram) }
        try firmware.check(ram: ram)
    }

    /// As QEMU takes it after -machine.
    var machine: String { "\(chipset.rawValue),smm=\(firmware.needsSMM ? "on" : "off")" }

    /// An IOMMU comes first: it has to be there before what it stands in front of.
    var arguments: [String] {
        firmware.arguments + iommu.arguments + (characterDevices ?? []).flatMap { ["-chardev", $0] }
            + devices.flatMap { ["-device", $0] } + disks.arguments + (network?.arguments ?? [])
    }

    package enum Failure: Explained, Equatable {
        case noIOMMU(Chipset)
        case noSecureBoot(Chipset)
        case unprotected(String)
        case tooMuchRAM(ByteCount)
        case cpus(Int)
        case useless
        case manyDisks(Int)
        /// The image's guest reaches no device.
        case notShared(String)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .noIOMMU(let chipset):
                "The chipset of \(chipset.rawValue) has no IOMMU. Use --machine q35, or leave out --machine."
            case .noSecureBoot(let chipset):
                "The chipset of \(chipset.rawValue) has no Secure Boot. Use --machine q35, or leave out --machine."
            case .unprotected(let device):
                """
                Nothing stands between the device '\(device)' and memory: it can read the frozen region. Use --iommu intel or \
                --iommu amd, or say --allow-unprotected-dma.
                """
            case .cpus(let count):
                "A machine with \(count) CPUs cannot be run. Take 1 to \(Board.cpuCounts.upperBound); a guest has one of them."
            case .useless:
                """
                Without an IOMMU a guest has no use of a disk or a network: the hypervisor lets no device master the bus. Use \
                --iommu intel or --iommu amd, or leave out --iommu and --machine.
                """
            case .notShared(let image):
                """
                The guest of '\(image)' reaches no device, so no disk and no network is of use to it. Make the image with \
                --devices shared.
                """
            case .manyDisks(let count):
                "An AHCI controller has \([GuestDisk].mostOnAHCI) ports, for \(count) disks. Use --disk-bus virtio or nvme."
            case .tooMuchRAM(let ram):
                "A machine q35 with \(ram) of RAM cannot be run. Take less than \(Board.q35Split), or --machine pc."
            }
        }
    }
}
