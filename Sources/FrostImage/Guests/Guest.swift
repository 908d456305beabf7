import FrostCore
package import FrostFormat
package import FrostSupport

/// What a guest is: its first memory, and the state that its CPU starts in.
package struct Guest: Sendable {
    package var memory: GuestMemory
    package var entry: Entry

    /// - Units: linear addresses, as `struct image_header` takes them.
    package struct Entry: Sendable, Equatable {
        package var isReal: Bool
        package var instruction: UInt64
        package var stack: UInt64
        package var pageTables: UInt64
        package var rsi: UInt64
        /// Where the hypervisor fills in the memory map; 0: nowhere.
        package var bootParameters: UInt64
    }

    static let stack: UInt64 = 0x80000
    static let realOrigin: UInt64 = 0x7C00
    /// The highest flat binary that leaves the loader's memory alone.
    static let realEnd = UInt64(LOADER_LOW_BASE)

    /// A 64-bit executable, entered in long mode. A command line reaches it as one reaches Linux: by boot parameters.
    /// - Throws: ``Failure/belowOneMebibyte(_:)``, ``BootParameters/Failure`` or ``GuestMemory/Failure``
    package init(long64 executable: ELF64, commandLine: String? = nil) throws {
        if let low = executable.segments.map(\.physicalAddress).min(), low < ByteCount.mebibyte.bytes {
            throw Failure.belowOneMebibyte(low)
        }
        memory = GuestMemory()
        try memory.load(executable)
        LongMode.write(to: &memory)
        var parameters: UInt64 = 0
        if let commandLine { parameters = try BootParameters.write(commandLine, to: &memory) }
        entry = Entry(
            isReal: false, instruction: executable.physicalEntry, stack: Self.stack,
            pageTables: LongMode.pageTables, rsi: parameters, bootParameters: parameters)
    }

    /// A flat binary, entered at 0:7C00 in real mode.
    /// - Throws: ``Failure/flatTooLarge(bytes:)``
    package init(real binary: [UInt8]) throws(Failure) {
        guard Self.realOrigin + UInt64(binary.count) <= Self.realEnd else {
            throw .flatTooLarge(bytes: binary.count)
        }
        memory = GuestMemory()
        memory.write(binary, at: Self.realOrigin)
        entry = Entry(
            isReal: true, instruction: Self.realOrigin, stack: Self.realOrigin, pageTables: 0, rsi: 0,
            bootParameters: 0)
    }

    init(memory: GuestMemory, entry: Entry) {
        self.memory = memory
        self.entry = entry
    }

    package enum Failure: Explained, Equatable {
        case belowOneMebibyte(UInt64)
        case flatTooLarge(bytes: Int)

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .belowOneMebibyte(let address):
                """
                The guest wants to be loaded at \(address.hexadecimal), below 1 MiB, which is the \
                firmware's. Link it at 1 MiB or above.
                """
            case .flatTooLarge(let bytes):
                """
                The real-mode guest has \(bytes) bytes; from 0x7C00 there is room for \
                \(Guest.realEnd - Guest.realOrigin). Make it smaller, or load the rest yourself.
                """
            }
        }
    }
}
