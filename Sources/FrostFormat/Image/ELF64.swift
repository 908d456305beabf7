package import FrostSupport

/// A 64-bit little-endian executable for x86-64: its segments and its entry.
///
/// - Source: System V ABI, "Object Files" and "Program Loading".
package struct ELF64: Sendable, Equatable {
    package struct Segment: Sendable, Equatable {
        package var virtualAddress: UInt64
        package var physicalAddress: UInt64
        package var fileBytes: Range<Int>
        package var memoryBytes: UInt64
    }

    package let bytes: [UInt8]
    /// Virtual, as the header says.
    package let entry: UInt64
    /// Those to be loaded, in the file's order.
    package let segments: [Segment]

    /// - Throws: ``Failure`` unless this is a whole, static executable with something to load.
    package init(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.count >= 64, bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { throw .notELF }
        guard bytes[4] == 2, bytes[5] == 1, bytes.word(at: 18, UInt16.self) == 62 else { throw .otherMachine }
        guard [2, 3].contains(bytes.word(at: 16, UInt16.self)) else { throw .notExecutable }
        let table = bytes.word(at: 32, UInt64.self)
        let entryBytes = Int(bytes.word(at: 54, UInt16.self))
        let count = Int(bytes.word(at: 56, UInt16.self))
        guard entryBytes >= 56, table <= UInt64(bytes.count),
            count * entryBytes <= bytes.count - Int(table)
        else { throw .truncated }

        var segments: [Segment] = []
        for index in 0..<count {
            let at = Int(table) + index * entryBytes
            guard bytes.word(at: at, UInt32.self) == 1 else { continue }
            let offset = bytes.word(at: at + 8, UInt64.self)
            let length = bytes.word(at: at + 32, UInt64.self)
            let memory = bytes.word(at: at + 40, UInt64.self)
            guard offset <= UInt64(bytes.count), length <= UInt64(bytes.count) - offset else {
                throw .truncated
            }
            guard length <= memory, memory <= 1 << 40 else { throw .badSegment(index) }
            guard memory > 0 else { continue }
            segments.append(
                Segment(
                    virtualAddress: bytes.word(at: at + 16, UInt64.self),
                    physicalAddress: bytes.word(at: at + 24, UInt64.self),
                    fileBytes: Int(offset)..<Int(offset + length), memoryBytes: memory))
        }
        // Else a small file could ask for any amount of memory.
        guard segments.reduce(0, { $0 + $1.fileBytes.count }) <= 2 * bytes.count else { throw .overlapping }
        guard !segments.isEmpty else { throw .nothingToLoad }
        self.bytes = bytes
        self.segments = segments
        entry = bytes.word(at: 24, UInt64.self)
    }

    /// The entry, translated by the segment that holds it; as it is when none does.
    package var physicalEntry: UInt64 {
        for segment in segments where entry >= segment.virtualAddress {
            let offset = entry - segment.virtualAddress
            if offset < segment.memoryBytes { return segment.physicalAddress &+ offset }
        }
        return entry
    }

    /// From the first loaded byte to the last, zeroed ones included.
    package var memoryBytes: UInt64 {
        let start = segments.map(\.virtualAddress).min() ?? 0
        let end = segments.map { $0.virtualAddress &+ $0.memoryBytes }.max() ?? 0
        return end &- start
    }

    package enum Failure: Explained, Equatable {
        case notELF
        case otherMachine
        case notExecutable
        case truncated
        case badSegment(Int)
        case overlapping
        case nothingToLoad

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .notELF: "The guest is not an ELF file. Link it as a static ELF64 executable for x86-64."
            case .otherMachine: "The ELF file is not for x86-64, or not 64-bit. Build it for x86_64."
            case .notExecutable:
                "The ELF file is not an executable. Link it; an object file cannot be booted."
            case .truncated:
                "The ELF file ends before the data that its headers promise. Build or copy it again."
            case .badSegment(let index):
                "Segment \(index) of the ELF file has impossible sizes or addresses. Check the linker script."
            case .overlapping:
                "The ELF file loads the same bytes again and again. Check the linker script."
            case .nothingToLoad: "The ELF file has nothing to load. Check the linker script."
            }
        }
    }
}
