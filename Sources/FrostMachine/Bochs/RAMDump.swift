import Foundation
import FrostCore
import FrostFormat
import FrostSupport
import Glibc

/// Has Bochs's debugger write all of physical memory into a file.
///
/// The debugger writes what linear addresses lead to. While the hypervisor's tables are in force, its lower half is
/// empty: for the moment of writing an entry there maps physical memory to the same linear addresses, by pages of
/// 1 GiB. A CPU that does not know these keeps no memory.
struct RAMDump: Sendable {
    /// Physical addresses of the entries that are borrowed; they are empty otherwise.
    private let top, directory: UInt64
    private let ram: ByteCount
    private let file: String

    private static let gigabyte: UInt64 = 1 << 30
    // Intel SDM vol 3 (325462), "4-Level Paging": present, writable; maps 1 GiB.
    private static let table: UInt64 = 0x3
    private static let large: UInt64 = 0x83
    private static let entryBytes: UInt64 = 8
    /// More of it would not lie in one piece.
    static let most = 2 * ByteCount.gibibyte

    /// - Parameter file: its name in the folder that Bochs works in.
    /// - Throws: ``SymbolTable/Failure``, ``Failure``
    init(_ plan: MemoryPlan, symbols: SymbolTable, file: String) throws {
        guard plan.ram <= Self.most else { throw Failure.tooMuchMemory(plan.ram) }
        top = try symbols.address(SYMBOL_HOST_PML4) - SymbolTable.hypervisorBase + plan.frozenBase
        directory = try symbols.address(SYMBOL_HOST_PDPT) - SymbolTable.hypervisorBase + plan.frozenBase
        (ram, self.file) = (plan.ram, file)
    }

    /// Address and value of each borrowed entry.
    private var entries: [(address: UInt64, value: UInt64)] {
        let parts = (ram.bytes + Self.gigabyte - 1) / Self.gigabyte
        return [(top, directory | Self.table)]
            + (0..<parts).map { (directory + $0 * Self.entryBytes, $0 * Self.gigabyte | Self.large) }
    }

    var commands: [String] {
        entries.flatMap { Self.set($0.address, to: $0.value) }
            + ["writemem \"\(file)\" 0x0 \(ram.bytes.hexadecimal)"]
            + entries.flatMap { Self.set($0.address, to: 0) }
    }

    private static func set(_ address: UInt64, to value: UInt64) -> [String] {
        [
            "setpmem \(address.hexadecimal) 4 \((value & 0xFFFF_FFFF).hexadecimal)",
            "setpmem \((address + 4).hexadecimal) 4 \((value >> 32).hexadecimal)",
        ]
    }

    /// Nobody else may read it: it holds plaintext and keys.
    static func prepare(_ file: URL) -> Bool {
        let descriptor = open(file.plainPath, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        return close(descriptor) == 0
    }

    /// Takes the borrowed entries out of what was written. False when it is not there, or not whole.
    func finish(_ file: URL) -> Bool {
        let descriptor = open(file.plainPath, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard lseek(descriptor, 0, SEEK_END) == off_t(ram.bytes) else { return false }
        let nothing = [UInt8](repeating: 0, count: Int(Self.entryBytes))
        return entries.allSatisfy {
            pwrite(descriptor, nothing, nothing.count, off_t($0.address)) == nothing.count
        }
    }

    enum Failure: Explained, Equatable {
        case tooMuchMemory(ByteCount)

        var exitCode: ExitCode { .unavailable }

        var description: String {
            switch self {
            case .tooMuchMemory(let ram):
                """
                Bochs can write \(RAMDump.most) of memory into a file, and this machine has \(ram). Make the image \
                with less --ram, or use --platform qemu-tcg.
                """
            }
        }
    }
}
