import Foundation
import FrostSupport
import Glibc

/// Another host's libvirt, as far as one machine can be two: a daemon in namespaces of its own, which sees none of our
/// files below the folders that temporary files, homes and shared memory lie in, has no network, and reaps its own
/// processes.
///
/// Its folder, `/etc/libvirt` and the like over there, is the only thing that both see. Sendable
/// without a check, as tests that boot are one at a time.
final class RemoteHost: @unchecked Sendable {
    let folder: URL
    private let namespaces: ChildProcess
    private var isOver = false

    /// For tests that leave it as it was.
    static let shared = Result { try RemoteHost() }

    /// - Parameter known: a host with the same QEMU.
    init(like known: RemoteHost? = nil) throws {
        _ = Self.removal
        // Sockets' paths are short.
        folder = URL(filePath: "/tmp/frost-far-\(UUID().uuidString.prefix(8))", directoryHint: .isDirectory)
        for name in ["run/lock", "etc", "lib/images", "cache", "log"] {
            try FileManager.default.createDirectory(
                at: folder.appending(path: name), withIntermediateDirectories: true)
        }
        // QEMU's user must come through, whatever the mask of this process is.
        for name in ["", "lib", "lib/images"] { chmod(folder.appending(path: name).path(), 0o755) }
        // What libvirt finds out about QEMU takes it seconds.
        if let known = known?.folder.appending(path: "cache") {
            try FileManager.default.removeItem(at: folder.appending(path: "cache"))
            try FileManager.default.copyItem(at: known, to: folder.appending(path: "cache"))
        }
        try Data(Self.daemonSettings.utf8).write(to: folder.appending(path: "etc/libvirtd.conf"))
        try Data(Self.emulatorSettings.utf8).write(to: folder.appending(path: "etc/qemu.conf"))
        namespaces = try ChildProcess(
            URL(filePath: "/usr/bin/unshare"),
            [
                "--mount", "--pid", "--fork", "--mount-proc", "--net", "--ipc", "--kill-child",
                "bash", "-c", Self.script, "bash", folder.path(),
            ], input: .pipe, output: .none, error: .none)
        try waitForDaemon()
        try virsh("pool-create-as", "default", "dir", "--target", "/var/lib/libvirt/images")
    }

    deinit { remove() }

    /// Takes its power away.
    func end() {
        guard !isOver else { return }
        isOver = true
        namespaces.send(SIGKILL)
        _ = namespaces.end(waiting: true)
    }

    /// Of a libvirt that is taken to see our files.
    var beside: String { "qemu+unix:///system?socket=\(folder.path())run/libvirt/libvirt-sock" }
    /// Of one that is known not to.
    var uri: String { "\(beside)&pool=default" }
    var images: URL { folder.appending(path: "lib/images", directoryHint: .isDirectory) }

    /// What lies in the pool, and which machines run.
    func leftovers() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: images.path())
            + virsh("list", "--name").split(whereSeparator: \.isWhitespace).map(String.init)
    }

    @discardableResult
    func virsh(_ words: String...) throws -> String {
        let virsh = try ChildProcess(Tool.virsh.locate(), ["--connect", beside] + words)
        let (end, output, error) = virsh.collect()
        guard end.isSuccess else { throw Failure(description: String(decoding: error, as: UTF8.self)) }
        return String(decoding: output, as: UTF8.self)
    }

    private func waitForDaemon() throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while (try? virsh("version")) == nil {
            guard ContinuousClock.now < deadline else {
                throw Failure(description: "libvirtd does not answer")
            }
            usleep(100_000)
        }
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private static let daemonSettings = """
        auth_unix_rw = "none"
        auth_unix_ro = "none"

        """

    /// QEMU runs as the user that it would run as anywhere.
    private static let emulatorSettings = """
        stdio_handler = "file"
        security_default_confined = 0
        cgroup_controllers = [ ]
        namespaces = [ ]

        """

    private static let script = """
        set -e
        umask 022
        mkdir -p /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt
        mount --bind "$1/run" /run
        mount --bind "$1/etc" /etc/libvirt
        for name in lib cache log; do mount --bind "$1/$name" "/var/$name/libvirt"; done
        for place in /tmp /var/tmp /dev/shm /root /home; do mount -t tmpfs -o mode=1777 none "$place"; done
        # A KVM that QEMU may open and cannot use has libvirt ask it anew for each machine, which takes 15 s.
        if [[ -e /dev/kvm ]]; then
            touch /run/nothing
            chmod 0 /run/nothing
            mount --bind /run/nothing /dev/kvm
        fi
        libvirtd &
        # Until we are gone. bash is process 1 here, and reaps what ends.
        read -r line || exit 0
        """

    private static let removal: Void = {
        atexit { if case .success(let host) = shared { host.remove() } }
    }()

    private func remove() {
        end()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Why there can be none here; nil: there can.
    static let lack: String? = {
        guard geteuid() == 0 else { return "a libvirt daemon of its own needs root" }
        guard (try? Tool.virsh.locate()) != nil, access("/usr/sbin/libvirtd", X_OK) == 0 else {
            return "libvirtd or virsh is missing: apt-get install -y libvirt-daemon libvirt-clients."
        }
        guard case .failure(let failure) = shared else { return nil }
        return "no libvirt daemon can be started here: \(failure)"
    }()
}
