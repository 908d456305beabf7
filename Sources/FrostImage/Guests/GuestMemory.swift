import FrostCore
package import FrostFormat
package import FrostSupport

/// What a guest's RAM holds when it starts: pages that were written; all others are zero.
package struct GuestMemory: Sendable, Equatable {
    /// 4096 bytes each, by page index (guest-physical address / 4096).
    package private(set) var pages: [UInt32: [UInt8]] = [:]

    package static let pageBytes = Int(PAGE_BYTES)

    package init() {}

    /// Pages that hold something, ascending. A page of zeroes needs no image: it is blank.
    package var filledIndexes: [UInt32] {
        pages.filter { $0.value.contains { $0 != 0 } }.map(\.key).sorted()
    }

    package mutating func write(_ bytes: some Collection<UInt8>, at address: UInt64) {
        var rest = bytes[...]
        var address = address
        while !rest.isEmpty {
            let offset = Int(address) % Self.pageBytes
            let part = rest.prefix(Self.pageBytes - offset)
            let index = UInt32(address / UInt64(Self.pageBytes))
            if part.count == Self.pageBytes {
                pages[index] = [UInt8](part)
            } else {
                pages[index, default: [UInt8](repeating: 0, count: Self.pageBytes)]
                    .replaceSubrange(offset..<offset + part.count, with: part)
            }
            rest = rest.dropFirst(part.count)
            address += UInt64(part.count)
        }
    }

    /// The segments of an executable, at their physical addresses.
    /// - Throws: ``Failure/beyondReach(_:)``
    package mutating func load(_ executable: ELF64) throws(Failure) {
        for segment in executable.segments {
            guard segment.physicalAddress < Self.reach else { throw .beyondReach(segment.physicalAddress) }
            write(executable.bytes[segment.fileBytes], at: segment.physicalAddress)
        }
    }

    /// What the integrity tree can cover: 1 TiB.
    private static let reach: UInt64 = 1 << 40

    package enum Failure: Explained, Equatable {
        case beyondReach(UInt64)

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .beyondReach(let address):
                """
                The guest wants to be loaded at physical address \(address.hexadecimal), beyond any \
                machine that can be planned. Check its linker script (p_paddr).
                """
            }
        }
    }
}
