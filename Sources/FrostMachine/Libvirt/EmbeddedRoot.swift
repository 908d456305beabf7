import Foundation
import FrostSupport
import Glibc

/// The folder that libvirt's embedded driver lives in: its settings, sockets, logs and what it knows of QEMU.
///
/// A process has one driver, and a driver one root, which is its own while the process lives. Roots are used again, since what
/// libvirt finds out about QEMU takes seconds, and is kept there.
final class EmbeddedRoot: Sendable {
    let folder: URL
    /// QEMU, as the driver starts it.
    let emulator: URL
    /// Held as long as we live.
    private let lock: Int32

    /// As qemu.conf has it: nothing but QEMU itself, with our own rights.
    ///
    /// - Source: libvirt 9.0, src/qemu/qemu.conf.in.
    private static let settings = """
        user = "+\(geteuid())"
        group = "+\(getegid())"
        dynamic_ownership = 0
        remember_owner = 0
        security_driver = "none"
        cgroup_controllers = [ ]
        namespaces = [ ]
        seccomp_sandbox = 0
        # Its log daemon would have to run.
        stdio_handler = "file"

        """

    /// - Parameters:
    ///   - path: nil: the first of our own that no other process has.
    ///   - home: where our own are.
    /// - Throws: ``Failure``, ``Tool/Failure/missing(_:)``
    init(at path: String? = nil, home: URL = home()) throws {
        if let path {
            folder = URL(filePath: path, directoryHint: .isDirectory)
            guard let lock = try Self.lock(folder) else { throw Failure.taken(path) }
            self.lock = lock
        } else {
            (folder, lock) = try Self.firstFree(in: home)
        }
        emulator = try Self.writeEmulator(in: path == nil ? home : folder)
        let settings = folder.appending(path: "etc/qemu.conf")
        if path == nil || !FileManager.default.fileExists(atPath: settings.plainPath) {
            try Self.write(Self.settings, to: settings)
        }
    }

    deinit {
        close(lock)
    }

    /// As a URI's query spells it.
    var encodedPath: String {
        folder.plainPath.addingPercentEncoding(
            withAllowedCharacters: .alphanumerics.union(.init(charactersIn: "/-._~")))
            ?? folder.plainPath
    }

    func pidFile(of domain: String) -> URL { folder.appending(path: "run/qemu/\(domain).pid") }

    /// What QEMU said.
    func words(of domain: String) throws -> String {
        Self.words(in: try String(contentsOf: log(of: domain), encoding: .utf8))
    }

    func dropLog(of domain: String) {
        try? FileManager.default.removeItem(at: log(of: domain))
    }

    /// Of machines of ours that are no more.
    func dropLogs() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: logs.plainPath)) ?? []
        for name in names where RunOwner.isAny(name) {
            try? FileManager.default.removeItem(at: logs.appending(path: name))
        }
    }

    private var logs: URL { folder.appending(path: "log/qemu", directoryHint: .isDirectory) }
    private func log(of domain: String) -> URL { logs.appending(path: "\(domain).log") }

    /// Behind the command line, which ends here, libvirt's lines begin with a time that QEMU spells otherwise.
    static func words(in log: String) -> String {
        let said = log.components(separatedBy: "-msg timestamp=on\n").dropFirst().joined()
        return said.split(separator: "\n").filter {
            $0.prefixMatch(of: #/\d{4}-\d\d-\d\d \d\d:\d\d/#) == nil
                && !$0.contains("terminating on signal 15")
        }.map { "\($0)\n" }.joined()
    }

    /// Of QEMUs that libvirt has started: a domain's, and those that it asks what they can do.
    func pidFiles(of domain: String) -> [URL] {
        let folder = folder.appending(path: "lib/qemu")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.plainPath)) ?? []
        return [pidFile(of: domain)]
            + names.filter { $0.hasPrefix("qmp-") }.map { folder.appending(path: "\($0)/qmp.pid") }
    }

    /// Why no driver can be embedded here; nil: it can.
    static var lack: String? {
        let drivers = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"]
            .map { $0 + "/libvirt/connection-driver/libvirt_driver_qemu.so" }
        guard drivers.contains(where: { FileManager.default.fileExists(atPath: $0) }) else {
            return "libvirt's driver for QEMU is missing: apt-get install -y libvirt-daemon-driver-qemu."
        }
        // Looked up before its settings are read, though nothing runs as that user then.
        guard geteuid() != 0 || (getpwnam(account) != nil && getgrnam(account) != nil) else {
            return """
                libvirt's driver for QEMU wants root to have the account \(account), which its package does not make: \
                groupadd -rf kvm; groupadd -rf \(account); \
                useradd -r -g kvm -M -d /var/lib/libvirt -s /usr/sbin/nologin \(account).
                """
        }
        return nil
    }

    private static let account = "libvirt-qemu"

    // MARK: files

    /// Sockets' paths have at most 107 bytes, and libvirt adds its own 60 to a root's.
    private static let longestHome = 40

    static func home() -> URL {
        let environment = ProcessInfo.processInfo.environment
        let caches = environment["XDG_CACHE_HOME"] ?? environment["HOME"].map { $0 + "/.cache" }
        let home = URL(filePath: (caches ?? "") + "/frost/libvirt", directoryHint: .isDirectory)
        if caches?.hasPrefix("/") ?? false, home.plainPath.utf8.count <= longestHome,
            (try? create(home)) != nil
        {
            return home
        }
        return URL(filePath: "/tmp/frost-libvirt-\(geteuid())/", directoryHint: .isDirectory)
    }

    private static func firstFree(in home: URL) throws -> (URL, Int32) {
        var number = 0
        while true {
            let folder = home.appending(path: "\(number)", directoryHint: .isDirectory)
            if let lock = try lock(folder) { return (folder, lock) }
            number += 1
        }
    }

    /// nil: another process has it.
    private static func lock(_ folder: URL) throws(Failure) -> Int32? {
        try create(folder)
        let lock = open(folder.appending(path: "lock").plainPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .cannotWrite(folder.plainPath) }
        if flock(lock, LOCK_EX | LOCK_NB) == 0 { return lock }
        close(lock)
        return nil
    }

    /// A folder of ours alone: who writes there has our rights.
    private static func create(_ folder: URL) throws(Failure) {
        var facts = stat()
        try? FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        // Without the slash a link is seen as one.
        let name = folder.deletingLastPathComponent().appending(path: folder.lastPathComponent)
        guard lstat(name.plainPath, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR,
            facts.st_uid == geteuid(), access(folder.plainPath, W_OK) == 0
        else { throw .cannotWrite(folder.plainPath) }
    }

    /// The kernel kills QEMU with us. Written anew when QEMU is another, since libvirt goes by this file's age.
    private static func writeEmulator(in folder: URL) throws -> URL {
        let qemu = try Tool.qemu.locate()
        var facts = stat()
        stat(qemu.plainPath, &facts)
        let bound = (try? Tool.setpriv.locate()).map { "\(quoted($0)) --pdeathsig KILL " } ?? ""
        let script = """
            #!/bin/sh
            # For a QEMU of \(facts.st_mtim.tv_sec), \(facts.st_size) bytes.
            exec \(bound)\(quoted(qemu)) "$@"

            """
        let file = folder.appending(path: Tool.qemu.name)
        if (try? String(contentsOf: file, encoding: .utf8)) != script {
            try write(script, to: file, mode: 0o700)
        }
        return file
    }

    /// As one word of the shell's.
    static func quoted(_ file: URL) -> String {
        "'\(file.plainPath.replacing("'", with: "'\\''"))'"
    }

    /// Whole or not at all: another frost may be reading it.
    private static func write(_ text: String, to file: URL, mode: mode_t = 0o600) throws(Failure) {
        let draft = file.appendingPathExtension("\(getpid())")
        do {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: draft)
        } catch {
            throw .cannotWrite(file.plainPath)
        }
        guard chmod(draft.plainPath, mode) == 0, rename(draft.plainPath, file.plainPath) == 0 else {
            throw .cannotWrite(file.plainPath)
        }
    }

    enum Failure: Explained, Equatable {
        case cannotWrite(String)
        case taken(String)

        var exitCode: ExitCode { .cannotWrite }

        var description: String {
            switch self {
            case .cannotWrite(let path):
                "libvirt's folder \(path) cannot be written, or belongs to another user. Set XDG_CACHE_HOME to one of yours."
            case .taken(let path):
                "Another process has its libvirt in \(path). Leave the root out of the URI to get one of your own."
            }
        }
    }
}
