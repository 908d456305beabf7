import Foundation
package import FrostHost
package import FrostSupport

/// What runs an image.
package enum Platform: String, Sendable, Codable, CaseIterable {
    case qemuTCG = "qemu-tcg"
    case qemuKVM = "qemu-kvm"
    case bochs
    case libvirt

    /// - Parameter connect: the libvirt that is meant; nil: the embedded one.
    func backend(connect: LibvirtURI?) -> any Backend {
        switch self {
        case .qemuTCG: QEMUBackend(accelerator: .tcg)
        case .qemuKVM: QEMUBackend(accelerator: .kvm)
        case .bochs: BochsBackend()
        case .libvirt: LibvirtBackend(uri: connect ?? .embedded)
        }
    }

    package func has(_ capability: Capability, connect: LibvirtURI? = nil) -> Bool {
        backend(connect: connect).capabilities.contains(capability)
    }

    /// - Throws: ``Failure/lacks(_:_:)`` or ``Failure/apart(_:)``
    package func require(_ capability: Capability, connect: LibvirtURI? = nil) throws(Failure) {
        guard has(capability, connect: connect) else {
            throw backend(connect: connect).refusal(capability)
        }
    }

    /// - Throws: ``Failure`` when it lacks what a run asks of it.
    func check(_ options: RunOptions) throws(Failure) {
        for capability in options.needed { try require(capability, connect: options.connect) }
        guard options.keepsRAM else { return }
        // Memory that nobody can read is written by the machine.
        guard has(.memoryDump) else { return try require(.sharedMemory, connect: options.connect) }
        if options.symbols == nil { throw .noSymbols(self) }
    }

    /// - Parameter connect: the libvirt that is meant; nil: the embedded one.
    /// - Throws: ``Failure/unavailable(_:)`` when it cannot run here.
    package func check(_ host: HostKVM = HostKVM(), connect: LibvirtURI? = nil) throws(Failure) {
        if let lack = backend(connect: connect).lack(on: host) { throw .unavailable(lack) }
    }

    /// Which can run here, and why the others cannot.
    package static var states: [HostReport.PlatformState] {
        let kvm = HostKVM()
        return allCases.map {
            .init(platform: $0.rawValue, lack: $0.backend(connect: nil).lack(on: kvm))
        }
    }

    package enum Failure: Explained, Equatable {
        /// It has not what was asked of it, on any host.
        case lacks(Platform, Capability)
        /// It cannot run on this host.
        case unavailable(String)
        case apart(LibvirtURI)
        case noSymbols(Platform)
        case tooMuchMemory(ByteCount)

        package var exitCode: ExitCode {
            switch self {
            case .lacks(_, .cacheModel): .notProvable
            case .lacks, .unavailable, .apart, .tooMuchMemory: .unavailable
            case .noSymbols: .ourBug
            }
        }

        package var description: String {
            switch self {
            case .lacks(let platform, let capability): capability.refusal(by: platform)
            case .unavailable(let lack): lack
            case .apart(let uri):
                """
                Machines of \(uri) share no memory with this host, which frost verify and --keep-ram need. Use a libvirt of \
                this host, or run frost over there.
                """
            case .noSymbols(let platform):
                "\(platform.rawValue) must be told the hypervisor's symbols to write its memory into a file."
            case .tooMuchMemory(let ram):
                """
                Bochs can write \(RAMDump.most) of memory into a file, and this machine has \(ram). Make the image \
                with less --ram, or use --platform qemu-tcg.
                """
            }
        }
    }
}
