package import FrostCore
package import FrostSupport

/// Where the frozen region and the metadata homes lie in a machine's RAM.
///
/// - Shape: ... guest | metadata homes, and those of the ROMs' pages | frozen region | room for the firmware's tables | top of low RAM
package struct MemoryPlan: Sendable, Equatable {
    package let ram: ByteCount
    package let frozen: ByteCount
    package let frozenBase: UInt64
    package let metaBase: UInt64
    package let metaBytes: UInt64
    /// Guest RAM lies below.
    package let coveredBytes: UInt64

    package var frozenEnd: UInt64 { frozenBase + frozen.bytes }
    package var frozenRegion: Range<UInt64> { frozenBase..<frozenEnd }

    /// Legacy video memory, option ROMs and the BIOS's shadow.
    /// - Source: Intel 440FX data sheet (290549), "Memory Address Map".
    package static let legacy = UInt64(0xA0000)..<ByteCount.mebibyte.bytes

    package static let ramRange = 16 * ByteCount.mebibyte...64 * ByteCount.gibibyte
    package static let frozenRange = 512 * ByteCount.kibibyte...256 * ByteCount.mebibyte
    static let frozenUnit = 256 * ByteCount.kibibyte
    /// Each power of two in the region takes one of the CPU's memory-type registers.
    static let frozenParts = 6
    /// Region and metadata lie below, however much RAM there is.
    package static let highestTop = 2 * ByteCount.gibibyte
    /// What SeaBIOS keeps at the top is less.
    private static let firmwareTop = ByteCount.mebibyte
    /// OVMF keeps tables and run-time services as far as 22 MiB below the top, and with Secure Boot 16 MiB more for
    /// System Management Mode. A machine of this size has the room.
    private static let unifiedFirmwareTop = 40 * ByteCount.mebibyte
    package static let unifiedRAM = 256 * ByteCount.mebibyte
    private static let smallestAlignment = 2 * ByteCount.mebibyte

    /// - Throws: ``Failure`` when the sizes are out of range, or do not fit each other.
    package init(ram: ByteCount, frozen: ByteCount) throws(Failure) {
        guard Self.ramRange.contains(ram), ram.isMultiple(of: .mebibyte) else { throw .ram(ram) }
        guard Self.frozenRange.contains(frozen), frozen.isMultiple(of: Self.frozenUnit) else {
            throw .frozen(frozen)
        }
        guard frozen.bytes <= ram.bytes / 2 else { throw .frozenLargerThanHalf(frozen, ram: ram) }
        let parts = (frozen.bytes / Self.frozenUnit.bytes).nonzeroBitCount
        guard parts <= Self.frozenParts else { throw .frozenHasManyParts(frozen, parts: parts) }

        self.ram = ram
        self.frozen = frozen
        let alignment = max(frozen, Self.smallestAlignment).bytes.roundedUpToPowerOfTwo
        let top = ram < Self.unifiedRAM ? Self.firmwareTop : Self.unifiedFirmwareTop
        let highest = min(ram, Self.highestTop).bytes - top.bytes - frozen.bytes
        frozenBase = highest / alignment * alignment
        coveredBytes = ram <= Self.highestTop ? ram.bytes : ram.bytes + Self.highestTop.bytes
        metaBytes = page_geometry_make(coveredBytes, 0).meta_bytes
        guard frozenBase >= metaBytes + 2 * ByteCount.mebibyte.bytes else {
            throw .noRoom(frozen, ram: ram)
        }
        metaBase = frozenBase - metaBytes
    }

    package var geometry: page_geometry { page_geometry_make(coveredBytes, metaBase) }

    /// Where the page's ciphertext lies.
    package func home(_ page: page_id) -> UInt64 {
        var geometry = geometry
        return page_home(&geometry, page)
    }

    /// The page whose home an address lies in; nil: none.
    package func page(at address: UInt64) -> page_id? {
        var geometry = geometry
        return address < coveredBytes ? page_of_home(&geometry, address) : nil
    }

    package enum Failure: Explained, Equatable {
        case ram(ByteCount)
        case frozen(ByteCount)
        case frozenLargerThanHalf(ByteCount, ram: ByteCount)
        case frozenHasManyParts(ByteCount, parts: Int)
        case noRoom(ByteCount, ram: ByteCount)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .ram(let ram):
                """
                RAM of \(ram) cannot be planned. Give a multiple of 1MiB between \
                \(MemoryPlan.ramRange.lowerBound) and \(MemoryPlan.ramRange.upperBound).
                """
            case .frozen(let frozen):
                """
                A frozen region of \(frozen) cannot be planned. Give a multiple of \(MemoryPlan.frozenUnit) \
                between \(MemoryPlan.frozenRange.lowerBound) and \(MemoryPlan.frozenRange.upperBound).
                """
            case .frozenLargerThanHalf(let frozen, let ram):
                "A frozen region of \(frozen) is more than half of the machine's \(ram). Take more RAM or freeze less."
            case .frozenHasManyParts(let frozen, let parts):
                """
                A frozen region of \(frozen) is a sum of \(parts) powers of two, and each takes a memory-type \
                register of the CPU; \(MemoryPlan.frozenParts) are to be had. Take a rounder size.
                """
            case .noRoom(let frozen, let ram):
                "A frozen region of \(frozen) and its metadata leave no guest RAM in \(ram). Take more RAM."
            }
        }
    }
}

extension UInt64 {
    var roundedUpToPowerOfTwo: UInt64 {
        self <= 1 ? 1 : 1 << (64 - (self - 1).leadingZeroBitCount)
    }
}
