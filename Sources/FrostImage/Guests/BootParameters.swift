import FrostSupport

/// Linux's `struct boot_params`, the "zero page", by which a guest gets its command line and the memory map.
///
/// - Source: Linux, Documentation/x86/zero-page.rst.
enum BootParameters {
    private static let address: UInt64 = 0x7000
    private static let commandLineAddress: UInt64 = 0x8000
    private static let commandLineLongest = 4095

    /// Writes command line and page to where they belong; `page` is what else the parameters say.
    /// - Returns: the page's address.
    /// - Throws: ``Failure``
    static func write(
        _ commandLine: String, longest: Int = .max, to memory: inout GuestMemory,
        page: [UInt8] = [UInt8](repeating: 0, count: GuestMemory.pageBytes)
    ) throws(Failure) -> UInt64 {
        let bytes = Array(commandLine.utf8)
        guard bytes.count <= min(longest, commandLineLongest) else {
            throw .longCommandLine(bytes: bytes.count)
        }
        var page = page
        page.store(UInt32(commandLineAddress), at: 0x228)  // cmd_line_ptr
        memory.write(bytes + [0], at: commandLineAddress)
        memory.write(page, at: address)
        return address
    }

    enum Failure: Explained, Equatable {
        case longCommandLine(bytes: Int)

        var exitCode: ExitCode { .badInput }

        var description: String {
            switch self {
            case .longCommandLine(let bytes):
                "The command line has \(bytes) bytes, more than this guest takes. Shorten --append."
            }
        }
    }
}
