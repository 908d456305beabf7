import ArgumentParser
import FrostMachine

/// What verbs ask that may run an image by libvirt.
struct LibvirtOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "With --platform libvirt: whose, also on another host. (default: qemu:///embed, which needs no daemon)",
            valueName: "uri"),
        transform: { try LibvirtURI(parsing: $0) })
    var connect: LibvirtURI?

    func validate(for platform: Platform) throws {
        guard connect == nil || platform.has(.connection) else {
            throw ValidationError("--connect goes with --platform libvirt.")
        }
    }
}
