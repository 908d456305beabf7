import CacheModel
import FrostSupport

/// A cache model that remembers what it reported.
final class SimulatedCache {
    let model: OpaquePointer
    private(set) var events: [bus_event] = []
    var keepsEvents = true

    /// Two ways of four sets of 64-byte lines: 0, 0x100, 0x200, … share a set.
    static let tiny = cache_geometry(
        line_bytes: 64, sets: 4, ways: 2, slices: 1, index: CACHE_INDEX_PLAIN, replacement: CACHE_TRUE_LRU)

    /// - Parameter memory: the type of all memory that no later MTRR covers.
    init?(
        _ geometry: cache_geometry = tiny, vendor: cache_vendor = CACHE_INTEL,
        memory: memory_type = MEMORY_WB,
        seed: UInt64 = 1, mappedBytes: UInt64 = 0
    ) {
        var config = cache_config()
        config.geometry = geometry
        config.vendor = vendor
        config.seed = seed
        config.mapped_bytes = mappedBytes
        // The listener needs an object before there is a self.
        let box = EventBox()
        config.context = Unmanaged.passUnretained(box).toOpaque()
        config.listener = { context, event in
            guard let context, let event else { return }
            Unmanaged<EventBox>.fromOpaque(context).takeUnretainedValue().owner?.note(event.pointee)
        }
        guard let model = cache_create(&config) else { return nil }
        self.model = model
        self.box = box
        box.owner = self
        cache_write_msr(model, UInt32(MSR_MTRR_DEF_TYPE), 1 << 11 | UInt64(memory.rawValue))
    }

    deinit {
        cache_destroy(model)
    }

    private final class EventBox {
        weak var owner: SimulatedCache?
    }
    private let box: EventBox

    private func note(_ event: bus_event) {
        if keepsEvents { events.append(event) }
    }

    func access(
        _ kind: access_kind, _ address: UInt64, bytes: UInt32 = 8, page: memory_type = MEMORY_WB,
        nested: memory_type = MEMORY_NONE, tag: UInt64 = 0
    ) {
        var access = cache_access(
            address: address, tag: tag, bytes: bytes, kind: kind, page_type: page, nested_type: nested)
        cache_access(model, &access)
    }

    func read(_ address: UInt64, page: memory_type = MEMORY_WB) { access(ACCESS_READ, address, page: page) }

    func write(_ address: UInt64, page: memory_type = MEMORY_WB) { access(ACCESS_WRITE, address, page: page) }

    func disableCache() { cache_write_cr0(model, 1 << 30) }

    /// A variable-range MTRR; `bytes` is a power of two and divides `base`.
    func setRange(_ index: UInt32, base: UInt64, bytes: UInt64, type: memory_type) {
        cache_write_msr(model, UInt32(MSR_MTRR_PHYSBASE0) + 2 * index, base | UInt64(type.rawValue))
        let mask = ~(bytes - 1) & 0xF_FFFF_FFFF_F000
        cache_write_msr(model, UInt32(MSR_MTRR_PHYSBASE0) + 2 * index + 1, mask | 1 << 11)
    }

    /// What happened since last asked, as in `write-back clflush 0x40`.
    func takeLog() -> [String] {
        defer { events = [] }
        return events.map(\.text)
    }

    func takeEvents() -> [bus_event] {
        defer { events = [] }
        return events
    }

    var watch: watch_report { cache_watch_report(model) }
}

extension bus_event {
    var text: String {
        "\(kind.text) \(rule.id) 0x\(String(address, radix: 16))"
    }
}

extension bus_kind {
    var text: String {
        switch self {
        case BUS_FILL: "fill"
        case BUS_WRITE_BACK: "write-back"
        case BUS_READ: "read"
        case BUS_WRITE: "write"
        case BUS_DROP: "drop"
        default: "lose"
        }
    }
}

extension cache_rule {
    var id: String { String(cString: cache_rule_text(self).pointee.id) }
}

extension SplitMix64 {
    mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }
}
