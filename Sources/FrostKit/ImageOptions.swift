import FrostCore

/// What an image is made of. What is nil comes from the recipe, or from the defaults here.
public struct ImageOptions: Sendable {
    public var ram: ByteCount?
    public var frozen: ByteCount?
    public var freeze = FreezeStrategy.fit
    public var engine = EngineChoice.any
    public var policy = EvictionPolicy.gclockAhead
    /// Use at most so many slots, for stress; 0: all that fit.
    public var slotLimit: UInt32 = 0
    /// Trace one exit in so many; 0: counters only.
    public var traceEvery: UInt32 = 16
    public var key: ImageKey.Source
    /// Of Linux and 64-bit guests. Replaces the recipe's.
    public var commandLine: String?
    public var kernelEntry = LinuxGuest.KernelEntry.vmlinux

    public static let defaultRAM = 256 * ByteCount.mebibyte
    public static let defaultFrozen = 8 * ByteCount.mebibyte
    public static let defaultCommandLine = "console=ttyS0,115200"

    public init(key: ImageKey.Source = .embedded) {
        self.key = key
    }

    /// - Throws: ``Failure`` for what this version cannot do.
    public func check() throws(Failure) {
        guard freeze.isAvailable else { throw .freeze(freeze) }
        guard engine.isAvailable else { throw .engine(engine) }
        guard slotLimit == 0 || slotLimit >= IMAGE_SLOTS_MINIMUM else { throw .fewSlots(slotLimit) }
        if case .passphrase(_, let iterations) = key, iterations < ImageKey.minimumIterations {
            throw .fewIterations(iterations)
        }
    }

    public enum Failure: Explained, Equatable {
        case freeze(FreezeStrategy)
        case engine(EngineChoice)
        case fewIterations(UInt32)
        case fewSlots(UInt32)

        public var exitCode: ExitCode {
            switch self {
            case .freeze, .engine: .unavailable
            case .fewIterations, .fewSlots: .usage
            }
        }

        public var description: String {
            switch self {
            case .freeze(let strategy):
                "The freeze strategy '\(strategy.rawValue)' is not available in this version. Use --freeze fit."
            case .engine(let engine):
                "The engine '\(engine.rawValue)' is not available in this version. Use --engine any."
            case .fewSlots(let slots):
                "\(slots) slots cannot hold what one instruction may need. Give --slots \(IMAGE_SLOTS_MINIMUM) or more."
            case .fewIterations(let iterations):
                """
                \(iterations) iterations make a passphrase easy to guess; the least is \
                \(ImageKey.minimumIterations). Raise --kdf-iterations.
                """
            }
        }
    }
}
