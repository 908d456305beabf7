package import FrostFormat
import FrostSupport

/// What `make-image` made.
///
/// - Units: bytes, pages of 4096 bytes, physical addresses.
package struct ImageSummary: Codable, Sendable, Equatable {
    package var image: String
    package var imageBytes: UInt64
    package var ramBytes: UInt64
    package var frozenBase: UInt64
    package var frozenBytes: UInt64
    package var metadataBase: UInt64
    package var metadataBytes: UInt64
    /// Of the flat binary in the image.
    package var hypervisorBytes: UInt64
    /// Of the frozen region that it takes: data and stacks included, tables and slots not.
    package var hypervisorMemoryBytes: UInt64
    package var guestPages: Int
    /// With the metadata pages above the guest's.
    package var sealedPages: Int
    package var runs: Int
    package var freeze: FreezeStrategy
    package var cache: CacheDemand
    package var engine: EngineChoice
    package var policy: EvictionPolicy
    package var cipher: CipherChoice
    package var devices: DeviceSharing
    package var keySource: String
    /// That it declares, besides those of every guest.
    package var ports: [PortRange]
    /// The fault that its hypervisor has on purpose.
    package var fault: String?
    /// That was made with it.
    package var disk: String?

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
        cache = options.cache
        engine = options.engine
        policy = options.policy
        cipher = options.cipher
        devices = options.devices ?? .none
        ports = options.ports
        self.fault = fault
        keySource = options.key == .embedded ? "embedded" : "console"
    }
}

extension ImageSummary: CustomStringConvertible {
    package var description: String {
        """
        image        \(image), \(ByteCount(imageBytes).rounded)
        machine      \(ByteCount(ramBytes)) of RAM
        frozen       \(ByteCount(frozenBytes)) at \(frozenBase.hexadecimal), freeze \(freeze.rawValue), \
        cache \(cache.rawValue)
        metadata     \(ByteCount(metadataBytes).rounded) at \(metadataBase.hexadecimal)
        hypervisor   \(ByteCount(hypervisorBytes).rounded) of code and data, \
        \(ByteCount(hypervisorMemoryBytes).rounded) of memory, engine \(engine.rawValue), policy \(policy.rawValue), \
        cipher \(cipher.rawValue)
        guest        \(guestPages.of("page")), sealed with metadata: \(sealedPages.of("page")) in \(runs.of("run"))
        key          \(keySource)
        """ + (devices == .none ? "" : "\ndevices      the guest may share pages with them")
            + (disk.map { "\ndisk         \($0), encrypted: a key to it lies in the image" } ?? "")
            + declaredPorts + (fault.map { "\nfault        \($0): PUT IN ON PURPOSE" } ?? "")
    }

    private var declaredPorts: String {
        ports.isEmpty ? "" : "\nports        \(ports.map(\.description).joined(separator: ", ")), declared"
    }
}
