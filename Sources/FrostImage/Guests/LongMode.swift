import FrostCore
import FrostSupport

/// The descriptor table and identity page tables that a 64-bit guest starts with.
///
/// - Source: AMD APM vol 2 (24593), "Segment Descriptors" and "Long-Mode Page Translation".
enum LongMode {
    static let descriptorTable = UInt64(GUEST_GDT)
    static let pageTables: UInt64 = 0x10000
    static let mappedBytes = 4 * ByteCount.gibibyte

    /// GUEST_GDT_ENTRIES of them: null, null, GUEST_CS: 64-bit code, GUEST_DS: data.
    private static let descriptors: [UInt64] = [0, 0, 0x00AF_9A00_0000_FFFF, 0x00CF_9200_0000_FFFF]

    private static let presentWritable: UInt64 = 0b11
    private static let large: UInt64 = 1 << 7

    /// Six pages: one PML4, one PDPT, four page directories of 2 MiB pages.
    static func write(to memory: inout GuestMemory) {
        memory.write(bytes(descriptors), at: descriptorTable)
        memory.write(bytes([directoryPointers | presentWritable]), at: pageTables)
        memory.write(
            bytes((0..<4).map { directories + $0 * 0x1000 | presentWritable }), at: directoryPointers)
        memory.write(bytes(largePages), at: directories)
    }

    private static let directoryPointers = pageTables + 0x1000
    private static let directories = pageTables + 0x2000
    private static let largePages = (0..<2048).map { UInt64($0) << 21 | presentWritable | large }

    private static func bytes(_ words: [UInt64]) -> [UInt8] {
        // A key path would be gone through by its parts, word for word.
        words.map { $0.littleEndian }.withUnsafeBytes { [UInt8]($0) }
    }
}
