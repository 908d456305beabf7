package import FrostCore

/// One thing that the hypervisor said on its serial line.
///
/// - Units: `tsc` and `cycles` in cycles of the time-stamp counter; what `value` and `detail` mean depends on `kind`.
/// - Source: `hypervisor/core/include/trace.h`.
package struct TraceRecord: Sendable, Equatable {
    package var kind: Kind
    package var tsc: UInt64
    package var value: UInt64
    package var cycles: UInt64
    package var detail: UInt32
    /// Of a page; 255 where none is meant.
    package var level: UInt8

    package enum Kind: UInt8, Sendable, CaseIterable {
        case fact = 1
        case freeze
        case launch
        case miss
        case open
        case seal
        case drop
        case exit
        case count
        case panic
        case end

        /// Made once, as of ``TraceCounter``.
        private static let names = Dictionary(uniqueKeysWithValues: allCases.map { ($0, "\($0)") })

        package var name: String { Self.names[self] ?? "\(self)" }
    }

    /// nil for a kind that this frost does not know.
    package init?(_ wire: trace_record) {
        guard let kind = Kind(rawValue: wire.kind) else { return nil }
        self.kind = kind
        tsc = wire.tsc
        value = wire.value
        cycles = wire.cycles
        detail = wire.detail
        level = wire.level
    }
}
