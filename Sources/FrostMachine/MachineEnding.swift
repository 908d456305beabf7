import FrostFormat

/// How a platform's machine ends.
struct MachineEnding {
    enum Request {
        /// A command over QEMU's control socket.
        case quit
        /// SIGTERM, or what stands for it.
        case terminate
    }

    /// After these it goes away by itself.
    var goesAfter: Set<RunEnding.Kind>
    /// What it is asked with, one after the other, before it is killed.
    var requests: [Request]
}
