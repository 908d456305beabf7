import Glibc

/// Reading and writing of open file descriptors.
package enum Descriptor {
    /// What can be read now, at most 64 KiB: empty at the end of the stream, nil when there is nothing yet.
    package static func read(_ descriptor: Int32) -> [UInt8]? {
        var count = -1
        let bytes = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, used in
            repeat {
                count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            } while count < 0 && errno == EINTR
            used = max(count, 0)
        }
        if count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) { return nil }
        return bytes
    }

    /// False when the other side is gone or the disk is full.
    @discardableResult
    package static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent)
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&polled, 1, 1000)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }
}
