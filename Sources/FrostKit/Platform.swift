/// What runs an image.
public enum Platform: String, Sendable, Codable, CaseIterable {
    case qemuTCG = "qemu-tcg"
    case qemuKVM = "qemu-kvm"
    case bochs
    case libvirt

    /// What can be asked of a platform; known before booting.
    public struct Capabilities: OptionSet, Sendable {
        public let rawValue: Int

        public init(rawValue: Int) {
            self.rawValue = rawValue
        }

        /// The machine can be stopped, continued, and sent an NMI.
        public static let control = Capabilities(rawValue: 1)
        /// Physical memory is a file that others can read while the guest runs.
        public static let sharedMemory = Capabilities(rawValue: 2)
        /// Runs on any host: everything is emulated.
        public static let anyHost = Capabilities(rawValue: 4)
        /// Each access of the CPU can be watched, and fed to a model of the cache.
        public static let cacheModel = Capabilities(rawValue: 8)
    }

    public var capabilities: Capabilities {
        switch self {
        case .qemuTCG: [.control, .sharedMemory, .anyHost, .cacheModel]
        case .qemuKVM: [.control, .sharedMemory]
        case .bochs, .libvirt: []
        }
    }

    /// - Throws: ``Failure`` when it cannot run here.
    public func check(_ host: HostKVM = HostKVM()) throws(Failure) {
        switch self {
        case .qemuTCG: break
        case .qemuKVM:
            if let lack = host.lack { throw .kvm(lack) }
        case .bochs, .libvirt: throw .notYet(self)
        }
    }

    /// - Throws: ``Failure/noCacheModel(_:)`` unless a run on it can be proven.
    public func checkProvable() throws(Failure) {
        guard capabilities.contains(.cacheModel) else { throw .noCacheModel(self) }
    }

    public enum Failure: Explained, Equatable {
        case notYet(Platform)
        case kvm(String)
        case noCacheModel(Platform)

        public var exitCode: ExitCode {
            switch self {
            case .notYet, .kvm: .unavailable
            case .noCacheModel: .notProvable
            }
        }

        public var description: String {
            switch self {
            case .notYet(let platform):
                "The platform \(platform.rawValue) is not available in this version. Use --platform qemu-tcg."
            case .noCacheModel(let platform):
                """
                Not provable here: on \(platform.rawValue) nobody sees the CPU's accesses, so the model of the \
                cache has nothing to go by. Use --platform qemu-tcg.
                """
            case .kvm(let lack):
                "qemu-kvm cannot run Frostvisor here: \(lack). Use --platform qemu-tcg, which needs nothing of the host."
            }
        }
    }
}
