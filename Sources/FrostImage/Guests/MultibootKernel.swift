import FrostFormat
package import FrostSupport

/// A kernel that a Multiboot loader starts: where its bytes go, and where it begins.
///
/// - Source: Multiboot Specification 0.6.96, "OS image format"; System V ABI, "Object Files" and "Program Loading".
package struct MultibootKernel: Sendable {
    package struct Part: Sendable, Equatable {
        package var address: UInt64
        package var fileBytes: Range<Int>
        /// With what is zeroed behind.
        package var memoryBytes: UInt64

        package var end: UInt64 { address + memoryBytes }
    }

    let bytes: [UInt8]
    package let parts: [Part]
    package let entry: UInt32

    private static let magic: UInt32 = 0x1BAD_B002
    /// The header lies within so many bytes of the file, at a multiple of 4.
    private static let searchedBytes = 8192
    /// Modules at pages, and the sizes of memory: every kernel gets these.
    private static let given: UInt32 = 0b11
    private static let wantsVideo: UInt32 = 1 << 2
    /// Flags that a loader must know, or refuse the kernel.
    private static let required: UInt32 = 0xFFFF
    private static let hasAddresses: UInt32 = 1 << 16
    static let lowest = ByteCount.mebibyte.bytes
    static let highest = UInt64(1) << 32

    /// - Throws: ``Failure``; of a 64-bit ELF file, ``ELF64/Failure``.
    package init(_ bytes: [UInt8]) throws {
        guard let header = Self.header(in: bytes) else { throw Failure.noHeader }
        let flags = bytes.word(at: header + 4, UInt32.self)
        guard flags & Self.wantsVideo == 0 else { throw Failure.wantsVideo }
        guard flags & Self.required & ~Self.given == 0 else {
            throw Failure.unknownFlags(flags & Self.required & ~Self.given)
        }
        self.bytes = bytes
        if flags & Self.hasAddresses != 0 {
            (parts, entry) = try Self.byAddresses(bytes, header: header)
        } else {
            (parts, entry) = try Self.byELF(bytes)
        }
        for part in parts where part.address < Self.lowest { throw Failure.belowOneMebibyte(part.address) }
        for part in parts where part.end > Self.highest { throw Failure.beyond4GiB(part.end) }
        guard parts.reduce(0, { $0 + $1.fileBytes.count }) <= 2 * bytes.count else {
            throw Failure.badAddresses
        }
        guard parts.contains(where: { ($0.address..<$0.end).contains(UInt64(entry)) }) else {
            throw Failure.entryOutside(entry)
        }
    }

    /// Behind everything.
    package var end: UInt64 { parts.map(\.end).max() ?? Self.lowest }

    private static func header(in bytes: [UInt8]) -> Int? {
        stride(from: 0, through: min(bytes.count, searchedBytes) - 12, by: 4).first { at in
            bytes.word(at: at, UInt32.self) == magic
                && magic &+ bytes.word(at: at + 4, UInt32.self) &+ bytes.word(at: at + 8, UInt32.self) == 0
        }
    }

    /// The header says itself what goes where: one part.
    private static func byAddresses(
        _ bytes: [UInt8], header: Int
    ) throws(Failure) -> (parts: [Part], entry: UInt32) {
        guard header + 32 <= bytes.count else { throw .truncated }
        let field = (0..<5).map { UInt64(bytes.word(at: header + 12 + 4 * $0, UInt32.self)) }
        let (own, load, loadEnd, zeroEnd) = (field[0], field[1], field[2], field[3])
        guard load <= own, own - load <= header else { throw .badAddresses }
        let start = header - Int(own - load)
        let count = loadEnd == 0 ? bytes.count - start : loadEnd >= load ? Int(loadEnd - load) : -1
        guard count > 0 else { throw .badAddresses }
        guard count <= bytes.count - start else { throw .truncated }
        let end = zeroEnd == 0 ? load + UInt64(count) : zeroEnd
        guard end >= load + UInt64(count) else { throw .badAddresses }
        let part = Part(address: load, fileBytes: start..<start + count, memoryBytes: end - load)
        return ([part], bytes.word(at: header + 28, UInt32.self))
    }

    private static func byELF(_ bytes: [UInt8]) throws -> (parts: [Part], entry: UInt32) {
        guard bytes.count >= 52, bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]), bytes[5] == 1 else {
            throw Failure.notLoadable
        }
        if bytes[4] == 2 {
            let executable = try ELF64(bytes)
            let parts = executable.segments.map {
                Part(address: $0.physicalAddress, fileBytes: $0.fileBytes, memoryBytes: $0.memoryBytes)
            }
            // Beyond 4 GiB it is in none of them, which is refused.
            for part in parts where part.address > highest { throw Failure.beyond4GiB(part.address) }
            return (parts, UInt32(clamping: executable.physicalEntry))
        }
        return try byELF32(bytes)
    }

    private static func byELF32(_ bytes: [UInt8]) throws(Failure) -> (parts: [Part], entry: UInt32) {
        guard bytes[4] == 1, bytes.word(at: 18, UInt16.self) == 3, bytes.word(at: 16, UInt16.self) == 2 else {
            throw .notLoadable
        }
        let table = Int(bytes.word(at: 28, UInt32.self)), rowBytes = Int(bytes.word(at: 42, UInt16.self))
        let count = Int(bytes.word(at: 44, UInt16.self))
        guard rowBytes >= 32, table + count * rowBytes <= bytes.count else { throw .truncated }
        let entry = bytes.word(at: 24, UInt32.self)
        var parts: [Part] = [], physicalEntry = entry
        for at in (0..<count).map({ table + $0 * rowBytes }) where bytes.word(at: at, UInt32.self) == 1 {
            let field = (0..<6).map { UInt64(bytes.word(at: at + 4 * $0, UInt32.self)) }
            let (offset, linear, physical, length, memory) = (
                field[1], field[2], field[3], field[4], field[5]
            )
            guard offset + length <= bytes.count else { throw .truncated }
            guard length <= memory else { throw .badAddresses }
            guard memory > 0 else { continue }
            if (linear..<linear + memory).contains(UInt64(entry)) {
                physicalEntry = UInt32(truncatingIfNeeded: physical + UInt64(entry) - linear)
            }
            parts.append(
                Part(address: physical, fileBytes: Int(offset)..<Int(offset + length), memoryBytes: memory))
        }
        guard !parts.isEmpty else { throw .notLoadable }
        return (parts, physicalEntry)
    }

    package enum Failure: Explained, Equatable {
        case noHeader
        case wantsVideo
        case unknownFlags(UInt32)
        case notLoadable
        case badAddresses
        case truncated
        case belowOneMebibyte(UInt64)
        case beyond4GiB(UInt64)
        case entryOutside(UInt32)

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .noHeader:
                """
                The file that --multiboot names has no Multiboot header in its first 8192 bytes. Give a kernel of \
                Multiboot 1; one of Multiboot 2 alone is not taken.
                """
            case .wantsVideo:
                "The kernel demands a video mode of its boot loader (flag 2), and no screen is set up here. Build it without."
            case .unknownFlags(let flags):
                "The kernel demands what Multiboot 0.6.96 does not know (flags \(flags.hexadecimal)). Build it without."
            case .notLoadable:
                """
                The kernel is no executable of ELF for i386 or x86-64, and its Multiboot header has no addresses \
                (flag 16). Link it as one, or fill these in.
                """
            case .badAddresses:
                "The kernel's addresses contradict each other. Check its linker script and its Multiboot header."
            case .truncated:
                "The kernel's file ends before the data that its headers promise. Build or copy it again."
            case .belowOneMebibyte(let address):
                """
                The kernel wants to be loaded at \(address.hexadecimal), below 1 MiB, where its boot information \
                lies. Link it at 1 MiB or above.
                """
            case .beyond4GiB(let address):
                "The kernel wants memory up to \(address.hexadecimal), beyond the 4 GiB that it can reach. Link it lower."
            case .entryOutside(let entry):
                "The kernel's entry \(entry.hexadecimal) lies outside of what is loaded. Check its linker script."
            }
        }
    }
}
