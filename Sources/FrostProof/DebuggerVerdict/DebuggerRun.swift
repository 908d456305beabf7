import Foundation
package import FrostFormat
package import FrostImage
package import FrostMachine
import FrostSupport

/// A run whose accesses Bochs's debugger records, for a ``DebuggerVerdict``.
package struct DebuggerRun {
    package var image: BootImage
    package var options: RunOptions
    package var windows = AccessWindows()
    package var canaries: [Canary] = []

    package init(_ image: BootImage, options: RunOptions) {
        (self.image, self.options) = (image, options)
    }

    /// Runs the image, and writes all that a judge needs into `options.record`. Nobody else may read those files: they
    /// hold plaintext and keys.
    /// - Throws: ``UnfollowedSharing``, or as ``Recording``.
    package func record(with toolchain: Toolchain) throws -> RunResult {
        try image.requireNoSharing()
        return try Recording(image: image, options: options, canaries: canaries).make(
            with: toolchain, inputs: \.debuggerInputs
        ) { options, symbols in
            (options.platform, options.windows, options.symbols) = (.bochs, windows, symbols)
        }
    }
}
