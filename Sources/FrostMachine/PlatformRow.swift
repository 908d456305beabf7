package import FrostHost

extension Platform {
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

    /// - Throws: ``Failure/lacks(_:_:)`` or ``Failure/remote(_:)``
    package func require(_ capability: Capability, connect: LibvirtURI? = nil) throws(Failure) {
        guard has(capability, connect: connect) else {
            throw backend(connect: connect).refusal(capability)
        }
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
}
