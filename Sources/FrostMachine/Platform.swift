package import FrostSupport

/// What runs an image.
package enum Platform: String, Sendable, Codable, CaseIterable {
    case qemuTCG = "qemu-tcg"
    case qemuKVM = "qemu-kvm"
    case bochs
    case libvirt

    package enum Failure: Explained, Equatable {
        /// It has not what was asked of it, on any host.
        case lacks(Platform, Capability)
        /// It cannot run on this host.
        case unavailable(String)
        case remote(LibvirtURI)
        /// Its files are not those of that host.
        case remoteBoard(LibvirtURI)
        case noSymbols(Platform)
        /// What follows a machine instruction by instruction follows one CPU.
        case otherCPUs(Int)

        package var exitCode: ExitCode {
            switch self {
            case .lacks(_, .cacheModel): .notProvable
            case .lacks, .unavailable, .remote, .remoteBoard: .unavailable
            case .noSymbols: .ourBug
            case .otherCPUs: .usage
            }
        }

        package var description: String {
            switch self {
            case .lacks(let platform, let capability): capability.refusal(by: platform.rawValue)
            case .unavailable(let lack): lack
            case .remote(let uri):
                """
                Machines of \(uri) share no memory with this host, which frost verify and --keep-ram need. Use a libvirt of \
                this host, or run frost over there.
                """
            case .remoteBoard(let uri):
                """
                Machines of \(uri) have one chipset, one CPU and no devices but their own. Use a libvirt of this host, or run \
                frost over there.
                """
            case .otherCPUs(let count):
                """
                The model of the cache and the count of instructions follow one CPU, and the machine has \(count). Leave out \
                --cpus.
                """
            case .noSymbols(let platform):
                "\(platform.rawValue) must be told the hypervisor's symbols to write its memory into a file."
            }
        }
    }
}
