import FrostCore
package import FrostSupport

/// How many slots a frozen region has: what the hypervisor, its tables and its nested tables leave.
///
/// - Source: `divide` and `make_room` of `hypervisor/residency/residency.c`; a boot test holds the two against
///   each other.
package enum SlotCount {
    private static let poolMinimum: UInt64 = 32
    private static let slotsOfPoolPage: UInt64 = 12
    /// `sizeof(struct nested_note)`
    private static let noteBytes: UInt64 = 12
    private static let tableReach = UInt64(LARGE_PAGE_BYTES)
    /// Behind the slots: what stands where the guest has nothing.
    private static let absentFrames: UInt64 = 1

    /// - Parameter hypervisorBytes: of the region that the hypervisor itself takes, as its trace says.
    /// - Returns: nil when the region is too small for any guest.
    package static func slots(in frozen: ByteCount, coveredBytes: UInt64, hypervisorBytes: UInt64) -> UInt32?
    {
        guard frozen.bytes > hypervisorBytes else { return nil }
        let bytes = frozen.bytes - hypervisorBytes
        let pageBytes = UInt64(PAGE_BYTES)
        let most = UInt32(clamping: bytes / pageBytes)
        return stride(from: most, through: UInt32(IMAGE_SLOTS_MINIMUM), by: -1).first { slots in
            let useful = coveredBytes / tableReach + poolMinimum
            let pool = min(max(UInt64(slots) / slotsOfPoolPage, poolMinimum), useful)
            let tables =
                pool * (pageBytes + noteBytes) + UInt64(slots) * UInt64(MemoryLayout<slot>.size)
                + UInt64(pager_bucket_count(slots)) * UInt64(MemoryLayout<slot_t>.size)
            return tables.roundedUp(to: pageBytes) + (UInt64(slots) + absentFrames) * pageBytes <= bytes
        }
    }
}

extension UInt64 {
    fileprivate func roundedUp(to unit: UInt64) -> UInt64 { (self + unit - 1) / unit * unit }
}
