import FrostCore

/// What stood between devices and memory, by the hypervisor's word.
///
/// - Source: `enum trace_dma` of `hypervisor/core/include/trace.h`.
package struct DMAProtection: Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable {
        case none
        case vtd
        case amdVi
    }

    package let kind: Kind
    /// The IOMMU reads its tables through the CPU's cache, and not from DRAM.
    package let isSnooped: Bool

    /// What is for pages that the guest shares passes.
    package let passesShared: Bool

    /// - Parameter fact: nil where a trace says nothing of it.
    package init(fact: UInt64?) {
        let fact = UInt32(truncatingIfNeeded: fact ?? 0)
        switch fact & ~(DMA_SNOOPED.rawValue | DMA_SHARED.rawValue) {
        case DMA_VTD.rawValue: kind = .vtd
        case DMA_AMDVI.rawValue: kind = .amdVi
        default: kind = .none
        }
        isSnooped = fact & DMA_SNOOPED.rawValue != 0
        passesShared = fact & DMA_SHARED.rawValue != 0
    }

    package var name: String? {
        switch kind {
        case .none: nil
        case .vtd: "VT-d"
        case .amdVi: "AMD-Vi"
        }
    }

    package var description: String {
        guard let name else { return "nothing stands between devices and memory" }
        let passes = passesShared ? "nothing pass but to shared pages" : "nothing pass"
        return "\(name) lets \(passes); its tables are read \(isSnooped ? "through the cache" : "from DRAM")"
    }
}
