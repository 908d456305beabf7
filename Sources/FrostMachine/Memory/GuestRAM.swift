package import Foundation
import FrostCore
package import FrostSupport
import Glibc

/// A machine's physical memory, readable and writable while it runs.
///
/// - Units: physical addresses, as the machine's CPU uses them; RAM above the PCI hole begins at 4 GiB.
/// - Source: QEMU, hw/i386/pc_piix.c (where RAM is split).
package final class GuestRAM {
    let descriptor: Int32
    package let ram: ByteCount

    private static let holeEnd: UInt64 = 4 << 30

    /// - Throws: ``Failure/unreadable(_:)``
    package init(_ file: URL, ram: ByteCount) throws(Failure) {
        descriptor = open(file.plainPath, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(file.plainPath) }
        self.ram = ram
    }

    deinit {
        close(descriptor)
    }

    /// - Throws: ``Failure/outside(_:bytes:)``
    package func read(at address: UInt64, count: Int) throws(Failure) -> [UInt8] {
        let offset = try fileOffset(address, count: count)
        var bytes = [UInt8](repeating: 0, count: count)
        guard pread(descriptor, &bytes, count, offset) == count else { throw .outside(address, bytes: count) }
        return bytes
    }

    /// - Throws: ``Failure/outside(_:bytes:)``
    package func write(_ bytes: [UInt8], at address: UInt64) throws(Failure) {
        let offset = try fileOffset(address, count: bytes.count)
        guard pwrite(descriptor, bytes, bytes.count, offset) == bytes.count else {
            throw .outside(address, bytes: bytes.count)
        }
    }

    /// RAM below the PCI hole.
    package var lowBytes: UInt64 { Self.lowBytes(of: ram) }

    package static func lowBytes(of ram: ByteCount) -> UInt64 {
        ram.bytes >= UInt64(QEMU_SPLIT_FROM) ? UInt64(QEMU_SPLIT_AT) : ram.bytes
    }

    /// All addresses that have RAM.
    package var ranges: [Range<UInt64>] {
        let low = 0..<lowBytes
        return lowBytes == ram.bytes ? [low] : [low, Self.holeEnd..<Self.holeEnd + ram.bytes - lowBytes]
    }

    private func fileOffset(_ address: UInt64, count: Int) throws(Failure) -> Int {
        let lowBytes = lowBytes
        let end = address + UInt64(count)
        if end <= lowBytes { return Int(address) }
        let highEnd = Self.holeEnd + ram.bytes - lowBytes
        guard address >= Self.holeEnd, end <= highEnd else { throw .outside(address, bytes: count) }
        return Int(address - Self.holeEnd + lowBytes)
    }

    package enum Failure: Explained, Equatable {
        case unreadable(String)
        case outside(UInt64, bytes: Int)

        package var exitCode: ExitCode { .inputOutput }

        package var description: String {
            switch self {
            case .unreadable(let path):
                "The machine's memory \(path) cannot be opened. Is the machine still running?"
            case .outside(let address, let bytes):
                "The machine has no RAM for \(bytes) bytes at \(address.hexadecimal). Check the address."
            }
        }
    }
}
