import Foundation
import Glibc

/// What a child finds as its standard streams: prepared here, used by ``ChildProcess``.
struct Wiring {
    struct SystemError: Error {
        let text: String
    }

    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    private var childEnds: [Int32] = []

    init() {
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))
    }

    /// Returns our end of a pipe, or -1.
    mutating func connect(_ stream: ChildStream, to number: Int32) throws(SystemError) -> Int32 {
        let isInput = number == 0
        switch stream {
        case .none:
            posix_spawn_file_actions_addopen(&actions, number, "/dev/null", isInput ? O_RDONLY : O_WRONLY, 0)
            return -1
        case .shared:
            return -1
        case .file(let file):
            let flags = isInput ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC
            posix_spawn_file_actions_addopen(&actions, number, file.plainPath, flags, 0o644)
            return -1
        case .pipe:
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { throw SystemError(text: String(cString: strerror(errno))) }
            ends.forEach { _ = fcntl($0, F_SETFD, FD_CLOEXEC) }
            let (ours, theirs) = isInput ? (ends[1], ends[0]) : (ends[0], ends[1])
            posix_spawn_file_actions_adddup2(&actions, theirs, number)
            childEnds.append(theirs)
            return ours
        }
    }

    /// The child finds it as its descriptor 3.
    mutating func inherit(_ descriptor: Int32) {
        posix_spawn_file_actions_adddup2(&actions, descriptor, 3)
    }

    mutating func close() {
        childEnds.forEach { _ = Glibc.close($0) }
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
    }
}
