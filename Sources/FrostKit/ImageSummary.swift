/// What `make-image` made.
///
/// - Units: bytes, pages of 4096 bytes, physical addresses.
public struct ImageSummary: Codable, Sendable, Equatable {
    public var image: String
    public var imageBytes: UInt64
    public var ramBytes: UInt64
    public var frozenBase: UInt64
    public var frozenBytes: UInt64
    public var metadataBase: UInt64
    public var metadataBytes: UInt64
    /// Of the flat binary in the image.
    public var hypervisorBytes: UInt64
    /// Of the frozen region that it takes: data and stacks included, tables and slots not.
    public var hypervisorMemoryBytes: UInt64
    public var guestPages: Int
    /// With the metadata pages above the guest's.
    public var sealedPages: Int
    public var runs: Int
    public var freeze: FreezeStrategy
    public var engine: EngineChoice
    public var policy: EvictionPolicy
    public var keySource: String
    /// The fault that its hypervisor has on purpose.
    public var fault: String?

    init(
        image: String, fileBytes: UInt64, hypervisorFileBytes: UInt64, hypervisorMemoryBytes: UInt64,
        plan: MemoryPlan, options: ImageOptions, guestPages: Int, sealedPages: Int, runs: Int,
        fault: String?
    ) {
        self.image = image
        imageBytes = fileBytes
        ramBytes = plan.ram.bytes
        frozenBase = plan.frozenBase
        frozenBytes = plan.frozen.bytes
        metadataBase = plan.metaBase
        metadataBytes = plan.metaBytes
        hypervisorBytes = hypervisorFileBytes
        self.hypervisorMemoryBytes = hypervisorMemoryBytes
        self.guestPages = guestPages
        self.sealedPages = sealedPages
        self.runs = runs
        freeze = options.freeze
        engine = options.engine
        policy = options.policy
        self.fault = fault
        keySource = options.key == .embedded ? "embedded" : "console"
    }
}

extension ImageSummary: CustomStringConvertible {
    public var description: String {
        """
        image        \(image), \(ByteCount(imageBytes).rounded)
        machine      \(ByteCount(ramBytes)) of RAM
        frozen       \(ByteCount(frozenBytes)) at 0x\(String(frozenBase, radix: 16)), freeze \(freeze.rawValue)
        metadata     \(ByteCount(metadataBytes).rounded) at 0x\(String(metadataBase, radix: 16))
        hypervisor   \(ByteCount(hypervisorBytes).rounded) of code and data, \
        \(ByteCount(hypervisorMemoryBytes).rounded) of memory, engine \(engine.rawValue), policy \(policy.rawValue)
        guest        \(guestPages.of("page")), sealed with metadata: \(sealedPages.of("page")) in \(runs.of("run"))
        key          \(keySource)
        """ + (fault.map { "\nfault        \($0): PUT IN ON PURPOSE" } ?? "")
    }
}
