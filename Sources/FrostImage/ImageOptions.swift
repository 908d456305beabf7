import FrostCore
package import FrostFormat
package import FrostSupport

/// What an image is made of. What is nil comes from the recipe, or from the defaults here.
package struct ImageOptions: Sendable {
    package var ram: ByteCount?
    package var frozen: ByteCount?
    package var freeze = FreezeStrategy.fit
    package var cache = CacheDemand.emulator
    package var engine = EngineChoice.any
    package var policy = EvictionPolicy.gclockAhead
    package var cipher = CipherChoice.auto
    package var devices: DeviceSharing?
    /// The most slots to use, for stress; 0: all that fit.
    package var slotLimit: UInt32 = 0
    /// One exit in this many is traced; 0: counters only.
    package var traceEvery: UInt32 = 16
    package var key: ImageKey.Source
    /// Of Linux and 64-bit guests. Replaces the recipe's.
    package var commandLine: String?
    package var kernelEntry = LinuxGuest.KernelEntry.vmlinux
    /// Besides those of every guest, and those of the recipe.
    package var ports: [PortRange] = []
    /// Of recipes that make a disk.
    package var disk = DiskOrder()

    package static let defaultRAM = 256 * ByteCount.mebibyte
    package static let defaultFrozen = 8 * ByteCount.mebibyte
    package static let defaultCommandLine = "console=ttyS0,115200"

    package init(key: ImageKey.Source = .embedded) {
        self.key = key
    }

    /// - Throws: ``Failure`` for what this version cannot do; ``PortRange/Failure``; ``DiskOrder/Failure``.
    package func check() throws {
        try PortRange.check(ports)
        try disk.check()
        guard freeze.isAvailable else { throw Failure.freeze(freeze) }
        guard engine.isAvailable else { throw Failure.engine(engine) }
        guard slotLimit == 0 || slotLimit >= IMAGE_SLOTS_MINIMUM else { throw Failure.fewSlots(slotLimit) }
        if case .passphrase(_, let iterations) = key, !ImageKey.iterations.contains(iterations) {
            throw Failure.iterations(iterations)
        }
    }

    package enum Failure: Explained, Equatable {
        case freeze(FreezeStrategy)
        case engine(EngineChoice)
        case iterations(UInt32)
        case fewSlots(UInt32)

        package var exitCode: ExitCode {
            switch self {
            case .freeze, .engine: .unavailable
            case .iterations, .fewSlots: .usage
            }
        }

        package var description: String {
            switch self {
            case .freeze(let strategy):
                "The freeze strategy '\(strategy.rawValue)' is not available in this version. Use --freeze fit."
            case .engine(let engine):
                "The engine '\(engine.rawValue)' is not available in this version. Use --engine any."
            case .fewSlots(let slots):
                "\(slots) slots cannot hold what one instruction may need. Give --slots \(IMAGE_SLOTS_MINIMUM) or more."
            case .iterations(let iterations):
                """
                \(iterations) iterations make a passphrase easy to guess, or take the hypervisor too long. Give \
                --kdf-iterations of \(IMAGE_KDF_MINIMUM) to \(IMAGE_KDF_MAXIMUM).
                """
            }
        }
    }
}
