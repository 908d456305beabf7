import ArgumentParser
import Foundation
import FrostFormat
import FrostMachine

/// The disks, the network and the TPM of a guest.
struct GuestDeviceOptions: ParsableArguments {
    enum Net: String, ExpressibleByArgument, CaseIterable {
        case none
        case user
    }

    @Option(
        help: ArgumentHelp(
            """
            A disk for the guest: a block device or a file, raw, or QEMU's format where its name ends in .qcow2. May be \
            repeated. Changes are kept.
            """, valueName: "file"),
        completion: .file())
    var disk: [String] = []

    @Option(help: "What the disks are behind: virtio, nvme or ahci.")
    var diskBus = GuestDisk.Bus.virtio

    @Flag(help: "Drop what the guest writes to its disks when the run ends.")
    var snapshot = false

    @Option(help: "The guest's network: none, or user: QEMU's own, by the sockets of whoever runs it.")
    var net = Net.none

    @Option(help: "The network card: virtio or e1000e.")
    var netCard = GuestNetwork.Card.virtio

    @Option(
        help: ArgumentHelp(
            "With --net user: lead this host's TCP port, at 127.0.0.1, to the guest's. May be repeated.",
            valueName: "host:guest"),
        transform: { try GuestNetwork.Forward(parsing: $0) })
    var forward: [GuestNetwork.Forward] = []

    @Option(
        help: """
            A TPM 2.0, played by swtpm, with the registers fifo or crb: the launch is measured into it, then it is the \
            guest's.
            """)
    var tpm: TPMInterface?

    @Option(
        help: ArgumentHelp(
            "With --tpm: where it keeps its keys and counters. (default: they are lost with the run)",
            valueName: "folder"), completion: .directory)
    var tpmState: String?

    func validate() throws {
        guard tpmState == nil || tpm != nil else {
            throw ValidationError("--tpm-state goes with --tpm fifo or --tpm crb.")
        }
        guard !snapshot || !disk.isEmpty else { throw ValidationError("--snapshot goes with --disk FILE.") }
        guard forward.isEmpty || net == .user else {
            throw ValidationError("--forward goes with --net user.")
        }
    }

    var softwareTPM: SoftwareTPM? {
        tpm.map { SoftwareTPM($0, state: tpmState.map { URL(filePath: $0, directoryHint: .isDirectory) }) }
    }

    func disks() throws -> [GuestDisk] {
        try disk.map { try GuestDisk(URL(filePath: $0), bus: diskBus, dropsChanges: snapshot) }
    }

    /// - Parameter port: this host's, for the guest's ssh server; nil: none.
    func network(leadingTo port: UInt16?) throws -> GuestNetwork? {
        guard net == .user || port != nil else { return nil }
        let login = port.map { GuestNetwork.Forward(host: $0, guest: 22) }
        return try GuestNetwork(card: netCard, forwards: forward + (login.map { [$0] } ?? []))
    }
}
