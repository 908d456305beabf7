import Foundation
package import FrostHost
package import FrostSupport

/// What runs an image.
package enum Platform: String, Sendable, Codable, CaseIterable {
    case qemuTCG = "qemu-tcg"
    case qemuKVM = "qemu-kvm"
    case bochs
    case libvirt

    /// What can be asked of a platform; known before booting.
    package struct Capabilities: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) {
            self.rawValue = rawValue
        }

        /// The machine can be stopped, continued, and sent an NMI.
        package static let control = Capabilities(rawValue: 1)
        /// Physical memory is a file that others can read while the guest runs.
        package static let sharedMemory = Capabilities(rawValue: 2)
        /// Runs on any host: everything is emulated.
        package static let anyHost = Capabilities(rawValue: 4)
        /// Each access of the CPU can be watched, and fed to a model of the cache.
        package static let cacheModel = Capabilities(rawValue: 8)
        /// A debugger tells each access of the CPU, with its memory type.
        package static let accessTrace = Capabilities(rawValue: 16)
    }

    package var capabilities: Capabilities {
        switch self {
        case .qemuTCG: [.control, .sharedMemory, .anyHost, .cacheModel]
        case .qemuKVM: [.control, .sharedMemory]
        case .bochs: [.anyHost, .accessTrace]
        // By a libvirt that shares our files: see LibvirtURI.isApart.
        case .libvirt: [.control, .sharedMemory, .cacheModel]
        }
    }

    /// - Throws: ``Failure`` when it lacks what a run asks of it.
    func check(_ options: RunOptions) throws(Failure) {
        if let uri = options.connect, uri.isApart, options.keepsRAM || options.residency != nil {
            throw .apart(uri)
        }
        let isDumped = options.keepsRAM && !capabilities.contains(.sharedMemory)
        if isDumped && options.symbols == nil { throw .noSymbols(self) }
        if options.nmiEvery != nil && !capabilities.contains(.control) { throw .noControl(self) }
        if options.cpu == .intel && [.qemuTCG, .libvirt].contains(self) { throw .noVMX(self) }
        let isSaved = options.saved != nil || options.isSaveable || options.takesMessages
        if isSaved && ![.qemuTCG, .qemuKVM].contains(self) { throw .noSaving(self) }
        if options.seed != nil && ![.qemuTCG, .libvirt].contains(self) { throw .noSeed(self) }
        if options.instructions != nil && self != .qemuTCG { throw .noCount(self) }
    }

    /// Which can run here, and why the others cannot.
    package static var states: [HostReport.PlatformState] {
        let kvm = HostKVM()
        return allCases.map { platform in
            do throws(Failure) {
                try platform.check(kvm)
                return .init(platform: platform.rawValue, lack: nil)
            } catch {
                return .init(platform: platform.rawValue, lack: error.description)
            }
        }
    }

    /// - Parameter connect: the libvirt that is meant; nil: the embedded one.
    /// - Throws: ``Failure`` when it cannot run here.
    package func check(_ host: HostKVM = HostKVM(), connect: LibvirtURI? = nil) throws(Failure) {
        switch self {
        case .qemuTCG: break
        case .qemuKVM:
            if let lack = host.lack { throw .kvm(lack) }
        case .bochs:
            let needed = [Bochs.biosImage, Bochs.videoBIOSImage]
            let isThere = needed.allSatisfy { FileManager.default.fileExists(atPath: $0) }
            guard isThere, (try? Tool.bochs.locate()) != nil else { throw .noBochs }
        case .libvirt:
            let uri = connect ?? .embedded
            if uri.isEmbedded, let lack = EmbeddedRoot.lack { throw .noLibvirt(lack) }
        }
    }

    /// - Throws: ``Failure/noCacheModel(_:)``, ``Failure/apart(_:)`` unless a run on it can be proven.
    package func checkProvable(connect: LibvirtURI? = nil) throws(Failure) {
        guard capabilities.contains(.cacheModel) else { throw .noCacheModel(self) }
        if let connect, connect.isApart { throw .apart(connect) }
    }

    package enum Failure: Explained, Equatable {
        case noLibvirt(String)
        case apart(LibvirtURI)
        case kvm(String)
        case noCacheModel(Platform)
        case noBochs
        case noMemory(Platform)
        case noControl(Platform)
        case noVMX(Platform)
        case noSaving(Platform)
        case noSymbols(Platform)
        case tooMuchMemory(ByteCount)
        case noSeed(Platform)
        case noCount(Platform)

        package var exitCode: ExitCode {
            switch self {
            case .noCacheModel: .notProvable
            case .noLibvirt, .apart, .kvm, .noBochs, .noMemory, .noControl, .noVMX, .noSaving, .noSeed,
                .tooMuchMemory, .noCount:
                .unavailable
            case .noSymbols: .ourBug
            }
        }

        private static let bochsPackages = "bochs bochs-term bochsbios vgabios"

        package var description: String {
            switch self {
            case .noLibvirt(let lack):
                lack
            case .apart(let uri):
                """
                Machines of \(uri) share no memory with this host, which frost verify and --keep-ram need. Use a libvirt of \
                this host, or run frost over there.
                """
            case .noSaving(let platform):
                "\(platform.rawValue) cannot go on from a saved machine. Use --platform qemu-tcg."
            case .noCacheModel(let platform):
                """
                Not provable here: on \(platform.rawValue) nobody sees the CPU's accesses, so the model of the \
                cache has nothing to go by. Use --platform qemu-tcg.
                """
            case .noBochs:
                "Bochs, its display 'term' or its BIOS images are missing: apt-get install -y \(Self.bochsPackages)."
            case .noMemory(let platform):
                "\(platform.rawValue) does not let others read the machine's memory. Use --platform qemu-tcg."
            case .noControl(let platform):
                "\(platform.rawValue) cannot be stopped or sent an NMI from outside. Use --platform qemu-tcg."
            case .noVMX(let platform):
                "\(platform.rawValue) emulates no VMX. Use --platform bochs, which has CPUs of both vendors."
            case .noSeed(let platform):
                "\(platform.rawValue) takes no seed for its random numbers. Use --platform qemu-tcg, or no --seed."
            case .noSymbols(let platform):
                "\(platform.rawValue) must be told the hypervisor's symbols to write its memory into a file."
            case .tooMuchMemory(let ram):
                """
                Bochs can write \(RAMDump.most) of memory into a file, and this machine has \(ram). Make the image \
                with less --ram, or use --platform qemu-tcg.
                """
            case .noCount(let platform):
                """
                On \(platform.rawValue) nobody sees which instructions are executed. Use --platform qemu-tcg. (Under \
                bochs the trace's times are instructions without being asked.)
                """
            case .kvm(let lack):
                "qemu-kvm cannot run Frostvisor here: \(lack). Use --platform qemu-tcg, which needs nothing of the host."
            }
        }
    }
}
