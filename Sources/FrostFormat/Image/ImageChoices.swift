import FrostCore

/// How the cache is made to keep the frozen region.
package enum FreezeStrategy: String, Sendable, Codable, NumberedCase {
    case fit
    case nofill
    case waylock
    /// Nothing is frozen: the baseline that always leaks.
    case window

    /// Of `enum image_freeze`.
    package var number: UInt32 {
        switch self {
        case .fit: FREEZE_FIT.rawValue
        case .nofill: FREEZE_NOFILL.rawValue
        case .waylock: FREEZE_WAYLOCK.rawValue
        case .window: FREEZE_WINDOW.rawValue
        }
    }

    package var isAvailable: Bool { self == .fit || self == .window }
}

/// What the frozen region must fit.
package enum CacheDemand: String, Sendable, Codable, NumberedCase {
    /// Nothing: an emulator has no cache, whatever its CPU tells.
    case emulator
    /// The largest cache that the CPU tells of; else the hypervisor refuses to start.
    case cpu

    /// Of `enum image_cache`.
    package var number: UInt32 {
        switch self {
        case .emulator: CACHE_ANY.rawValue
        case .cpu: CACHE_FITS.rawValue
        }
    }
}

/// What runs the guest.
package enum EngineChoice: String, Sendable, Codable, NumberedCase {
    /// Whatever the CPU offers.
    case any
    case svm
    case vmx
    case ring3

    /// Of `enum image_engine`.
    package var number: UInt32 {
        switch self {
        case .any: ENGINE_ANY.rawValue
        case .svm: ENGINE_SVM.rawValue
        case .vmx: ENGINE_VMX.rawValue
        case .ring3: ENGINE_RING3.rawValue
        }
    }

    package var isAvailable: Bool { self != .ring3 }
}

/// What seals and opens pages.
package enum CipherChoice: String, Sendable, Codable, NumberedCase {
    /// The widest kernel that the CPU runs.
    case auto
    case aesni
    case vaes256
    case vaes512

    var kernel: gcm_cipher {
        switch self {
        case .auto: GCM_ANY
        case .aesni: GCM_AESNI
        case .vaes256: GCM_VAES256
        case .vaes512: GCM_VAES512
        }
    }

    /// Of `enum gcm_cipher`.
    package var number: UInt32 { kernel.rawValue }
}

/// What the guest may share with devices.
package enum DeviceSharing: String, Sendable, Codable, NumberedCase {
    /// Nothing: devices' memory is absent, and DMA reaches no page.
    case none
    /// The pages that the guest's page tables name without the C-bit, as guests of SEV do.
    case shared

    /// Of `enum image_devices`.
    package var number: UInt32 {
        switch self {
        case .none: DEVICES_NONE.rawValue
        case .shared: DEVICES_SHARED.rawValue
        }
    }
}

/// Which page has to go when a slot is needed.
package enum EvictionPolicy: String, Sendable, Codable, NumberedCase {
    /// Second chance.
    case clock
    /// Use counts up to three turns of the clock's hand, and never-written pages are opened with their neighbours.
    case gclockAhead = "gclock-ahead"
    /// A stress mode: evicts hot pages.
    case fifo

    /// Of `enum image_policy`.
    package var number: UInt32 {
        switch self {
        case .clock: POLICY_CLOCK.rawValue
        case .gclockAhead: POLICY_GCLOCK_AHEAD.rawValue
        case .fifo: POLICY_FIFO.rawValue
        }
    }
}
