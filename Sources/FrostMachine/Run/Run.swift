import Foundation
package import FrostFormat
import FrostSupport
import Glibc

/// One run of an image: a machine boots it once.
package struct Run {
    package let image: BootImage
    package let options: RunOptions
    private let backend: any Backend

    /// - Throws: ``Platform/Failure`` when the platform cannot run here, ``Passphrase/Failure/noTerminal`` when
    ///   the image needs a passphrase and none can be typed,
    ///   ``Board/Failure/notShared(_:)``.
    package init(_ image: BootImage, options: RunOptions) throws {
        try options.platform.check(connect: options.connect)
        try options.platform.check(options)
        guard image.devices == .shared || !options.board.needsSharing else {
            throw Board.Failure.notShared(image.file.plainPath)
        }
        let isUnlocked = options.passphrase != nil || options.saved != nil || options.isInteractive
        if image.needsPassphrase && !isUnlocked {
            throw Passphrase.Failure.noTerminal
        }
        self.image = image
        var options = options
        options.hooks += options.login?.hooks ?? []
        self.options = options
        backend = options.platform.backend(connect: options.connect)
    }

    /// Boots, and comes back when the run has ended; nothing of it is left running then.
    package func boot() throws -> RunResult {
        let folder = RunFolder(options.record ?? RunJob.temporary("run"))
        let lock = try folder.lock()
        defer { withExtendedLifetime(lock) {} }
        return try boot(in: folder)
    }

    /// - Parameter folder: locked by the caller.
    package func boot(in folder: RunFolder) throws -> RunResult {
        signal(SIGPIPE, SIG_IGN)
        let signals = options.catchesSignals ? SignalWatch() : nil
        defer { withExtendedLifetime(signals) {} }
        let keeper = options.record == nil ? try ScratchKeeper([folder.folder]) : nil
        defer { keeper?.clean() }
        try folder.prepare(for: image.file)
        var result = try backend.boot(RunJob(image: image, options: options), in: folder)
        if let login = options.login { result.judge(login) }
        return result
    }
}
