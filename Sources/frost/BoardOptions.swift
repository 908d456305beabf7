import ArgumentParser
import FrostMachine

/// What verbs ask that run an image under QEMU.
struct BoardOptions: ParsableArguments {
    @Option(help: "The chipset: pc or q35. (default: q35 with --iommu, else pc)")
    var machine: Board.Chipset?

    @Option(
        help: """
            What starts the machine: bios, uefi, or uefi-secure (q35), which starts signed images only: frost \
            sign-image.
            """)
    var firmware = Firmware.bios

    @Option(
        help: """
            What stands between devices and memory: none, intel (VT-d) or amd (AMD-Vi). (default: intel where the guest has \
            a disk or a network, else none)
            """)
    var iommu: Board.IOMMU?

    @Option(
        help: ArgumentHelp("A device of QEMU's, as after its -device. May be repeated.", valueName: "device"))
    var device: [String] = []

    @Option(help: "CPUs of the machine. The guest has one; the hypervisor holds the others.")
    var cpus = 1

    @Flag(help: "Give devices to a machine without an IOMMU; what is run so cannot be proven.")
    var allowUnprotectedDma = false

    func board(disks: [GuestDisk] = [], network: GuestNetwork? = nil) throws -> Board {
        try Board(
            chipset: machine, firmware: firmware, iommu: iommu, devices: device, disks: disks,
            network: network, cpus: cpus,
            allowsUnprotectedDMA: allowUnprotectedDma)
    }
}
