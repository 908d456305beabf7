package import Foundation
import FrostFormat
package import FrostSupport
import Glibc

/// A login by ssh into a guest that runs: waits until the guest's server answers, has ssh at our terminal, and then asks
/// the guest to power off.
package final class SSHSession {
    /// How it ended; nil: it has not, or the machine went first.
    package private(set) var end: ChildProcess.End?
    /// This host's, that leads to the guest's server.
    package let port: UInt16

    /// Whether the guest's server has answered.
    package private(set) var hasConnected = false
    private let arguments: [String]
    private var ssh: ChildProcess?
    private var socket: Int32 = -1
    private var retryAt = ContinuousClock.now
    private var offBy: ContinuousClock.Instant?

    private static let retryAfter = Duration.milliseconds(500)
    /// For the guest to power off.
    private static let patience = Duration.seconds(120)
    private static let greeting = [UInt8]("SSH-".utf8)

    /// - Parameters:
    ///   - image: beside it may lie what ssh knows the guest by, and a key: see ``ImageDisk``.
    ///   - command: what the guest runs; nil: a shell.
    /// - Throws: ``Failure/noPort``
    package init(of image: URL, user: String = "root", command: String? = nil) throws(Failure) {
        port = try Self.freePort()
        let files = ImageDisk(of: image)
        func isThere(_ file: URL) -> Bool { FileManager.default.fileExists(atPath: file.plainPath) }
        let key = isThere(files.loginKey) ? ["-i", files.loginKey.plainPath] : []
        let knownHosts =
            isThere(files.knownHosts)
            ? [
                "-o", "UserKnownHostsFile=\"\(files.knownHosts.plainPath)\"", "-o",
                "StrictHostKeyChecking=yes",
            ] : []
        arguments =
            ["-p", "\(port)", "-o", "HostKeyAlias=\(ImageDisk.hostName)", "-o", "LogLevel=ERROR"] + knownHosts
            + key
            + ["\(user)@127.0.0.1"] + (command.map { [$0] } ?? [])
    }

    /// What the run has to call.
    package var hooks: [Hook] {
        [
            Hook(.every(.milliseconds(100))) { [self] in try attend($0) },
            Hook(.end) { [self] _ in cutOff() },
        ]
    }

    /// Where the machine went first, as by the guest's own `poweroff`.
    private func cutOff() {
        guard ssh != nil else { return }
        ssh?.send(SIGHUP)
        _ = ssh?.end(waiting: true)
        ssh = nil
        Terminal.give(to: getpgrp())
    }

    private func attend(_ machine: Machine) throws {
        if let offBy {
            if ContinuousClock.now > offBy { machine.stop() }
        } else if ssh != nil {
            guard let ended = ssh?.end(waiting: false) else { return }
            end = ended
            ssh = nil
            Terminal.give(to: getpgrp())
            try machine.qmp().execute("system_powerdown")
            offBy = ContinuousClock.now + Self.patience
        } else if isAnswering() {
            machine.hasTimeLimit = false
            hasConnected = true
            let child = try ChildProcess(
                Tool.ssh.locate(), arguments, input: .shared, output: .shared, error: .shared)
            Terminal.give(to: child.identifier)
            child.send(SIGCONT)  // it may have asked for the terminal before it had it
            ssh = consume child
        }
    }

    /// QEMU takes a connection before there is a server behind it, and lets go of it then.
    private func isAnswering() -> Bool {
        if socket < 0 {
            guard ContinuousClock.now >= retryAt else { return false }
            retryAt = ContinuousClock.now + Self.retryAfter
            socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard Self.loopback(port, socket, connect) == 0 else { return hangUp() }
        }
        var polled = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&polled, 1, 0) > 0 else { return false }
        let greeting = Descriptor.read(socket)
        _ = hangUp()
        return greeting?.starts(with: Self.greeting) ?? false
    }

    private func hangUp() -> Bool {
        close(socket)
        socket = -1
        return false
    }

    deinit {
        if socket >= 0 { close(socket) }
    }

    private static func loopback(
        _ port: UInt16, _ socket: Int32, _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// One that nobody listens at, now.
    static func freePort() throws(Failure) -> UInt16 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        var bytes = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = loopback(0, socket, bind) == 0
        let isNamed = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &bytes) == 0 }
        }
        guard isBound, isNamed else { throw .noPort }
        return UInt16(bigEndian: address.sin_port)
    }

    package enum Failure: Explained, Equatable {
        case noPort

        package var exitCode: ExitCode { .inputOutput }
        package var description: String {
            "This host has no TCP port left for ssh. End something that holds many."
        }
    }
}

extension RunResult {
    /// A run for a login is as asked where that was.
    mutating func judge(_ login: SSHSession) {
        if !login.hasConnected {
            unmet.append("Nobody could log in by ssh: the guest's server did not answer.")
        } else if let end = login.end, !end.isSuccess {
            unmet.append("ssh, or what it ran, ended with status \(end.status).")
        }
        if exitCode == .asAsked && !unmet.isEmpty { exitCode = .otherwise }
    }
}
