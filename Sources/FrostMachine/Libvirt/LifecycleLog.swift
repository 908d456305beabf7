import CLibvirt
import Synchronization

/// Something that happened to a domain.
struct LifecycleEvent: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        case started, suspended, resumed, shutDown, stopped, crashed, other
    }

    var kind: Kind
    /// libvirt's reason, as of its kind.
    var detail: Int32

    init(event: Int32, detail: Int32) {
        self.detail = detail
        kind =
            switch UInt32(bitPattern: event) {
            case VIR_DOMAIN_EVENT_STARTED.rawValue: .started
            case VIR_DOMAIN_EVENT_SUSPENDED.rawValue: .suspended
            case VIR_DOMAIN_EVENT_RESUMED.rawValue: .resumed
            case VIR_DOMAIN_EVENT_SHUTDOWN.rawValue: .shutDown
            case VIR_DOMAIN_EVENT_STOPPED.rawValue: .stopped
            case VIR_DOMAIN_EVENT_CRASHED.rawValue: .crashed
            default: .other
            }
    }

    /// Whether a machine that stopped did so by itself, or as it was told.
    var isOrderly: Bool {
        [VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, VIR_DOMAIN_EVENT_STOPPED_DESTROYED]
            .contains { $0.rawValue == UInt32(bitPattern: detail) }
    }
}

/// What happened to a domain, in order; libvirt's thread writes it.
final class LifecycleLog: Sendable {
    private let log = Mutex<[LifecycleEvent]>([])

    func append(_ event: LifecycleEvent) {
        log.withLock { $0.append(event) }
    }

    var events: [LifecycleEvent] { log.withLock { $0 } }
    var stop: LifecycleEvent? { events.last { $0.kind == .stopped } }
}
