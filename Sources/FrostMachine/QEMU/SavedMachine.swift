import Foundation
import FrostFormat
import FrostSupport
import Glibc

/// A machine's whole state, from which any number of machines can go on.
///
/// Lies in files without names: it holds plaintext and keys, and must go with us. Whatever goes on from it has the
/// same session key and seals with the same nonces, so it is good for experiments only.
///
/// - Source: QEMU, docs/devel/migration (`x-ignore-shared`: RAM is not part of the stream).
package final class SavedMachine: Sendable {
    /// What the hypervisor had said.
    let trace: [UInt8]
    private let memory: Int32
    private let devices: Int32
    private let bytes: Int

    private static let chunkBytes = 1 << 20
    private static let patience = Duration.seconds(20)
    private static let shared: [String: any Sendable] = ["capability": "x-ignore-shared", "state": true]

    /// Saves a machine that stands still in its hypervisor: QEMU does not restore a CPU that runs a guest.
    /// - Throws: ``RunFolder/Failure/cannotWrite(_:)``, ``QMP/Failure``
    package init(_ machine: Machine) throws {
        memory = try Self.namelessFile(in: "/dev/shm")
        devices = try Self.namelessFile(in: "/dev/shm")
        bytes = Int(try machine.ram.ram.bytes)
        trace = [UInt8](try Data(contentsOf: machine.folder.trace))
        try Self.copy(machine.ram.descriptor, to: memory, bytes: bytes)
        try Self.migrate(machine.qmp(), "migrate", ["uri": "exec:cat > \(Self.name(devices))"])
    }

    deinit {
        close(memory)
        close(devices)
    }

    /// Fills a new machine's memory, before QEMU starts.
    func copyRAM(to file: URL) throws {
        let descriptor = open(file.plainPath, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw RunFolder.Failure.cannotWrite(file.plainPath) }
        defer { close(descriptor) }
        try Self.copy(memory, to: descriptor, bytes: bytes)
    }

    /// Brings a machine that was started with `-incoming defer` to the saved state, and lets it go on.
    func restore(_ qmp: QMP) throws {
        try Self.migrate(qmp, "migrate-incoming", ["uri": "exec:cat \(Self.name(devices))"])
        try qmp.execute("cont")
    }

    private static func migrate(
        _ qmp: QMP, _ command: String, _ arguments: [String: any Sendable]
    ) throws(QMP.Failure) {
        struct Answer: Decodable {
            var status: String?
        }
        try qmp.execute("migrate-set-capabilities", ["capabilities": [shared]])
        try qmp.execute(command, arguments)
        let deadline = ContinuousClock.now + patience
        while true {
            let answer = try qmp.execute("query-migrate")
            switch try? JSON.decode(Answer.self, from: answer).status {
            case "completed": return
            case "failed": throw .refused(command, "the state could not be moved")
            default: guard ContinuousClock.now < deadline else { throw .refused(command, "no end") }
            }
            usleep(2000)
        }
    }

    /// As another process of ours finds it.
    private static func name(_ descriptor: Int32) -> String { "/proc/\(getpid())/fd/\(descriptor)" }

    private static func namelessFile(in folder: String) throws(RunFolder.Failure) -> Int32 {
        let path = "\(folder)/frost-\(UUID().uuidString.prefix(13)).saved"
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .cannotWrite(path) }
        unlink(path)
        return descriptor
    }

    /// Leaves holes where there is nothing.
    private static func copy(_ from: Int32, to: Int32, bytes: Int) throws(RunFolder.Failure) {
        guard ftruncate(to, bytes) == 0 else { throw .cannotWrite(name(to)) }
        for at in stride(from: 0, to: bytes, by: chunkBytes) {
            var chunk = [UInt8](repeating: 0, count: min(chunkBytes, bytes - at))
            let isCopied =
                pread(from, &chunk, chunk.count, at) == chunk.count
                && (chunk.isZero || pwrite(to, chunk, chunk.count, at) == chunk.count)
            guard isCopied else { throw .cannotWrite(name(to)) }
        }
    }
}
