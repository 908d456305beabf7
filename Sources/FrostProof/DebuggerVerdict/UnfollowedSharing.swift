import FrostFormat
import FrostSupport

extension BootImage {
    /// - Throws: ``UnfollowedSharing`` where the guest may give pages away, and Bochs's debugger cannot tell which.
    func requireNoSharing() throws(UnfollowedSharing) {
        if devices != DeviceSharing.none { throw UnfollowedSharing() }
    }
}

/// Plaintext stands in DRAM because the guest wants it there, and no record of Bochs's debugger follows where.
struct UnfollowedSharing: Explained, Equatable {
    var exitCode: ExitCode { .notProvable }

    var description: String {
        """
        Not judged: this image's guest may share pages with devices, and a record of Bochs's debugger does not tell \
        which of them. Use --platform qemu-tcg, or make the image with --devices none.
        """
    }
}
