import FrostFormat
import FrostSupport

extension BootImage {
    /// - Throws: ``SharedPages`` where the guest gives pages away, and this version cannot tell which.
    func requireNoSharing() throws(SharedPages) {
        if devices != DeviceSharing.none { throw SharedPages() }
    }
}

/// Plaintext stands in DRAM because the guest wants it there. Which pages those are, its own page tables say, and no
/// record follows them yet.
struct SharedPages: Explained, Equatable {
    var exitCode: ExitCode { .notProvable }

    var description: String {
        """
        Not provable: this image's guest may share pages with devices, and a record does not tell which of them \
        its page tables share. Make the image with --devices none.
        """
    }
}
