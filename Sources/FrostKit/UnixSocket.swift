import Glibc

/// Connecting to a program's Unix socket.
enum UnixSocket {
    /// The connected socket; nil unless somebody listens there before `patience` is over.
    static func connect(_ path: String, patience: Duration) -> Int32? {
        let deadline = ContinuousClock.now + patience
        while true {
            if let socket = connect(path) { return socket }
            guard ContinuousClock.now < deadline else { return nil }
            usleep(10_000)
        }
    }

    private static func connect(_ path: String) -> Int32? {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return nil }
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path) - 1
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(room)) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            close(socket)
            return nil
        }
        return socket
    }
}
