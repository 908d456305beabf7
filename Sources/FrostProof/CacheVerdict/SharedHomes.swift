import FrostCore
import FrostSupport
import ResidencyRecord

/// The homes of pages that the guest shares with devices, as a log goes on. What stands there the guest gave away.
struct SharedHomes {
    private var homes: Set<UInt64> = []
    private var known: Set<UInt64> = []
    private(set) var most = 0
    private(set) var takenBack = 0

    /// Different pages, ever.
    var pages: Int { known.count }

    mutating func follow(_ change: residency_sharing) {
        if change.is_shared != 0 {
            homes.insert(change.home)
            known.insert(change.home)
            most = max(most, homes.count)
        } else if homes.remove(change.home) != nil {
            takenBack += 1
        }
    }

    /// Whether all of these addresses are in pages that are shared now.
    func hold(_ addresses: Range<UInt64>) -> Bool {
        guard !homes.isEmpty else { return false }
        let page = UInt64(PAGE_BYTES)
        return stride(from: addresses.lowerBound / page * page, to: addresses.upperBound, by: Int(page))
            .allSatisfy { homes.contains($0) }
    }
}

/// What a verdict says of them.
package struct SharedPages: Codable, Sendable, Equatable {
    /// Different ones, ever.
    package var pages: Int
    /// At one time.
    package var most: Int
    package var takenBack: Int
    /// Written there by the guest.
    package var givenBytes: Int
    /// Written there by devices, as far as it was seen.
    package var deviceBytes: Int
}

extension SharedPages: CustomStringConvertible {
    package var description: String {
        """
        The guest shared \(pages.of("page")) with devices, at most \(most) at a time, and took some back \
        \(takenBack.of("time")), each by its own page tables. \(givenBytes.of("byte")) that it wrote there and \
        \(deviceBytes) that devices did are in the clear by its will: there canaries and keys alone are looked for.
        """
    }
}
