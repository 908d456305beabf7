import Glibc

/// Connecting to a program's Unix socket.
package enum UnixSocket {
    /// The connected socket; nil unless somebody listens there before `patience` is over.
    package static func connect(_ path: String, patience: Duration) -> Int32? {
        let deadline = ContinuousClock.now + patience
        while true {
            if let socket = connect(path) { return socket }
            guard ContinuousClock.now < deadline else { return nil }
            usleep(10_000)
        }
    }

    private static func connect(_ path: String) -> Int32? {
        guard let socket = make() else { return nil }
        guard withAddress(of: path, { Glibc.connect(socket, $0, $1) }) == 0 else {
            close(socket)
            return nil
        }
        return socket
    }

    /// A socket that one client may connect to; nil when it cannot be made.
    package static func listen(_ path: String) -> Int32? {
        guard let socket = make() else { return nil }
        guard withAddress(of: path, { Glibc.bind(socket, $0, $1) }) == 0, chmod(path, 0o600) == 0,
            Glibc.listen(socket, 1) == 0
        else {
            close(socket)
            return nil
        }
        return socket
    }

    /// The client of a listening socket; nil unless one comes before `patience` is over.
    package static func accept(_ socket: Int32, patience: Duration) -> Int32? {
        var polled = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&polled, 1, Int32(patience / .milliseconds(1))) == 1 else { return nil }
        let client = Glibc.accept(socket, nil, nil)
        guard client >= 0 else { return nil }
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        return client
    }

    /// Two sockets that are connected; nil when they cannot be made.
    package static func pair() -> (Int32, Int32)? {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        return socketpair(AF_UNIX, kind, 0, &ends) == 0 ? (ends[0], ends[1]) : nil
    }

    private static func make() -> Int32? {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        return socket >= 0 ? socket : nil
    }

    private static func withAddress(
        of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path) - 1
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(room)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
