import FrostFormat
package import FrostSupport

/// What `make-image --silicon` made.
package struct SiliconSummary: Codable, Sendable, Equatable {
    package var image: String
    package var imageBytes: UInt64
    package var programBytes: UInt64

    /// Of the smallest machine that it starts on.
    package static let ram = MemoryPlan.unifiedRAM
    /// Program and region, as silicon/memory.h divides it.
    static let room = 64 * ByteCount.mebibyte
}

extension SiliconSummary: CustomStringConvertible {
    package var description: String {
        """
        image        \(image), \(ByteCount(imageBytes).rounded)
        experiments  \(ByteCount(programBytes).rounded) of code and data; a machine of \(Self.ram) of RAM or more
        next         write it to a stick, start a PC from that: docs/guide/silicon.md
        """
    }
}
