import PageReplay

/// Who chooses what is evicted in a replay: the hypervisor's policies, others that were tried, and the optimum.
package enum ReplayPolicy: String, Sendable, Codable, CaseIterable {
    case clock
    case clockAhead = "clock-ahead"
    case gclock
    case gclockAhead = "gclock-ahead"
    case fifo
    case lru
    case sieve
    case twoQueues = "two-queues"
    case adaptive
    /// Evicts what is touched last of all; metadata pages take slots as ever.
    case optimum

    /// Opens only what is asked for.
    var isOnDemand: Bool { self != .clockAhead && self != .gclockAhead }

    var number: replay_policy {
        switch self {
        case .clock: REPLAY_CLOCK
        case .clockAhead: REPLAY_CLOCK_AHEAD
        case .gclock: REPLAY_GCLOCK
        case .gclockAhead: REPLAY_GCLOCK_AHEAD
        case .fifo: REPLAY_FIFO
        case .lru: REPLAY_LRU
        case .sieve: REPLAY_SIEVE
        case .twoQueues: REPLAY_TWO_QUEUES
        case .adaptive: REPLAY_ADAPTIVE
        case .optimum: REPLAY_OPTIMUM
        }
    }
}
