package import Foundation
import FrostCore
package import FrostFormat
package import FrostSupport

/// The built hypervisor: what goes into an image beside the guest.
package struct Hypervisor: Sendable {
    /// 512 bytes.
    package var sector: [UInt8]
    /// Whole sectors.
    package var loader: [UInt8]
    /// The loader for UEFI.
    package var application: EFIApplication
    /// Flat, for the frozen region's first byte; whole pages.
    package var binary: [UInt8]
    /// What it takes of the frozen region, zeroed data and stacks included.
    package var memoryBytes: ByteCount
    /// With symbols, for a debugger; nil when made by hand.
    package var symbols: URL?

    package init(
        sector: [UInt8], loader: [UInt8], application: EFIApplication, binary: [UInt8],
        memoryBytes: ByteCount,
        symbols: URL? = nil
    ) throws(Failure) {
        guard sector.count == 512 else { throw .sectorSize(bytes: sector.count) }
        self.sector = sector
        self.loader = loader.padded(to: 512)
        self.application = application
        self.binary = binary.padded(to: GuestMemory.pageBytes)
        self.memoryBytes = memoryBytes
        self.symbols = symbols
    }

    package var hash: [UInt8] {
        BootImage.hypervisorHash(sector: sector, loader: loader, application: application, binary: binary)
    }

    /// The image's own bytes are held to its header's hash when it is read.
    func isThat(of image: BootImage) -> Bool {
        hash == [UInt8](memoryOf: image.header.hypervisor_sha256)
    }

    package enum Failure: Explained, Equatable {
        case sectorSize(bytes: Int)

        package var exitCode: ExitCode { .ourBug }

        package var description: String {
            switch self {
            case .sectorSize(let bytes):
                "hypervisor/boot/bios/sector.asm became \(bytes) bytes, not 512. Shorten it until it fits a sector."
            }
        }
    }
}

extension [UInt8] {
    /// Followed by zeroes up to the next multiple of `unit`.
    func padded(to unit: Int) -> [UInt8] {
        self + [UInt8](repeating: 0, count: (unit - count % unit) % unit)
    }
}
