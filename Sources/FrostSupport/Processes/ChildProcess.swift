package import Foundation
import Glibc
import Synchronization

/// A program that we started and must wait for. Its exit status is a result, not an error.
///
/// Runs in its own process group, so that a Ctrl-C on the terminal reaches us alone.
package struct ChildProcess: ~Copyable {
    /// How a child ended, and what it took.
    package struct End: Sendable, Equatable {
        package var status: Int32
        package var wasSignalled: Bool
        package var userSeconds: Double

        package init(
            status: Int32, wasSignalled: Bool, userSeconds: Double
        ) {
            (self.status, self.wasSignalled, self.userSeconds) = (status, wasSignalled, userSeconds)
        }

        package var isSuccess: Bool { status == 0 && !wasSignalled }
    }

    package let identifier: pid_t
    /// Our end of the child's standard input; -1 unless a pipe was asked for. Likewise the others.
    package let input: Int32
    package let output: Int32
    package let error: Int32

    /// - Parameter inherited: a descriptor that the child shall keep open for us.
    /// - Throws: ``Failure/cannotStart(_:reason:)``
    package init(
        _ executable: URL, _ arguments: [String], input: ChildStream = .none, output: ChildStream = .pipe,
        error: ChildStream = .pipe, inherits inherited: Int32? = nil
    ) throws(Failure) {
        let path = executable.plainPath
        let streams = [input, output, error]
        // One at a time: a pipe's end must not be inherited by a child that is started meanwhile.
        let started = Self.starting.withLock { _ in Self.start(path, arguments, streams, inherited) }
        switch started {
        case .success(let child):
            identifier = child.identifier
            self.input = child.ends[0]
            self.output = child.ends[1]
            self.error = child.ends[2]
        case .failure(let failure):
            throw .cannotStart(path, reason: failure.text)
        }
    }

    private static let starting = Mutex(())

    private static func start(
        _ path: String, _ arguments: [String], _ streams: [ChildStream], _ inherited: Int32?
    ) -> Result<(identifier: pid_t, ends: [Int32]), Wiring.SystemError> {
        var wiring = Wiring()
        defer { wiring.close() }
        var ends: [Int32] = []
        do {
            for (number, stream) in streams.enumerated() {
                ends.append(try wiring.connect(stream, to: Int32(number)))
            }
            if let inherited { wiring.inherit(inherited) }
        } catch {
            return .failure(error)
        }
        var vector = ([path] + arguments).map { strdup($0) } + [nil]
        defer { vector.forEach { free($0) } }
        var child: pid_t = 0
        let result = posix_spawn(&child, path, &wiring.actions, &wiring.attributes, &vector, environ)
        guard result == 0 else { return .failure(.init(text: String(cString: strerror(result)))) }
        return .success((child, ends))
    }

    deinit {
        for descriptor in [input, output, error] where descriptor >= 0 { _ = close(descriptor) }
    }

    package func send(_ signal: Int32) {
        _ = kill(identifier, signal)
    }

    /// The child's end if it has ended; must not be called again once it has answered.
    package func end(waiting: Bool) -> End? { Self.reap(identifier, waiting: waiting) }

    /// nil also when it is no child of ours.
    package static func reap(_ child: pid_t, waiting: Bool) -> End? {
        var status: Int32 = 0
        var usage = rusage()
        var reaped: pid_t
        repeat {
            reaped = wait4(child, &status, waiting ? 0 : WNOHANG, &usage)
        } while reaped < 0 && errno == EINTR
        guard reaped == child else { return nil }
        let signal = status & 0x7F
        return End(
            status: signal == 0 ? (status >> 8) & 0xFF : signal, wasSignalled: signal != 0,
            userSeconds: Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6)
    }

    /// All that the child says on its standard output and error, and its end.
    package consuming func collect() -> (end: End, output: [UInt8], error: [UInt8]) {
        var texts: [[UInt8]] = [[], []]
        var polled = [output, error].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while polled.contains(where: { $0.fd >= 0 }) {
            _ = poll(&polled, 2, -1)
            for index in polled.indices where polled[index].revents != 0 {
                if let bytes = Descriptor.read(polled[index].fd), !bytes.isEmpty {
                    texts[index] += bytes
                } else {
                    polled[index].fd = -1
                }
            }
        }
        let end = end(waiting: true) ?? End(status: 255, wasSignalled: false, userSeconds: 0)
        return (end, texts[0], texts[1])
    }

    package enum Failure: Explained, Equatable {
        case cannotStart(String, reason: String)

        package var exitCode: ExitCode { .inputOutput }

        package var description: String {
            switch self {
            case .cannotStart(let path, let reason):
                "\(path) cannot be started: \(reason). Check that it is installed and may be executed."
            }
        }
    }
}
