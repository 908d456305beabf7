import CLibvirt
import Foundation
import FrostSupport
import Glibc

/// A domain that runs; it is gone when its last owner is.
final class LibvirtDomain {
    let name: String
    let connection: LibvirtConnection
    let handle: virDomainPtr
    private let log = LifecycleLog()
    /// QEMU's process, where it is ours to wait for.
    private let process: OrphanWatch.Orphan?

    /// Starts a domain whose CPU does not run yet.
    /// - Throws: ``LibvirtFailure/noDomain(_:words:)``
    init(starting xml: String, named name: String, on connection: LibvirtConnection) throws(LibvirtFailure) {
        self.name = name
        self.connection = connection
        connection.watch(name, log)
        // A daemon ends it when it loses us; the embedded driver refuses to promise that. The driver for tests knows
        // neither flag.
        let paused = connection.uri.isQEMU ? VIR_DOMAIN_START_PAUSED.rawValue : 0
        let bound = connection.uri.isDaemon ? VIR_DOMAIN_START_AUTODESTROY.rawValue : 0
        let reaping = connection.root.map { root in OrphanWatch.shared.reap { root.pidFiles(of: name) } }
        defer { reaping?.end() }
        guard let handle = virDomainCreateXML(connection.handle, xml, paused | bound) else {
            connection.watch(name, nil)
            throw .noDomain(connection.uri, words: LibvirtFailure.lastError)
        }
        self.handle = handle
        process = connection.root.flatMap { OrphanWatch.shared.orphan(of: $0.pidFile(of: name)) }
    }

    deinit {
        connection.watch(name, nil)
        if log.stop == nil { virDomainDestroy(handle) }
        virDomainFree(handle)
    }

    var events: [LifecycleEvent] { log.events }

    /// What libvirt has made of its description.
    /// - Throws: ``LibvirtFailure/gone(_:)``
    func currentXML() throws(LibvirtFailure) -> String {
        guard let text = virDomainGetXMLDesc(handle, 0) else { throw .gone(connection.uri) }
        defer { free(text) }
        return String(cString: text)
    }

    /// Lets the CPU run.
    /// - Throws: ``LibvirtFailure/noDomain(_:words:)``
    func resume() throws(LibvirtFailure) {
        guard virDomainResume(handle) == 0 else {
            throw .noDomain(connection.uri, words: LibvirtFailure.lastError)
        }
    }
}

extension LibvirtDomain: MachineProcess {
    func send(_ signal: Int32) {
        _ = virDomainDestroyFlags(
            handle, signal == SIGKILL ? 0 : VIR_DOMAIN_DESTROY_GRACEFUL.rawValue)
    }

    /// Where the connection was lost before its end was known.
    var loss: (any Explained)? {
        log.stop == nil && !connection.isAlive ? LibvirtFailure.gone(connection.uri) : nil
    }

    func end(waiting: Bool) -> ChildProcess.End? {
        var deadline: ContinuousClock.Instant?
        while true {
            if let end = endNow { return end }
            if !connection.isAlive { return .lost }
            guard waiting else { return nil }
            // The event that says so comes behind; without a connection it does not come.
            if deadline == nil && virDomainIsActive(handle) != 1 { deadline = .now + .seconds(1) }
            if let deadline, ContinuousClock.now > deadline { return .lost }
            usleep(5000)
        }
    }

    private var endNow: ChildProcess.End? {
        guard let stop = log.stop else { return nil }
        // libvirt has seen it go, so it is at most a moment away.
        if let process { return process.end(patience: .seconds(1)) ?? .lost }
        return .init(status: stop.isOrderly ? 0 : 1, wasSignalled: false, userSeconds: 0)
    }
}

extension ChildProcess.End {
    /// How it ended is unknown.
    fileprivate static let lost = Self(status: 255, wasSignalled: false, userSeconds: 0)
}

extension LibvirtDomain: QMPLine {
    func answer(to command: Data) throws(QMP.Failure) -> [String: Any] {
        var answer: UnsafeMutablePointer<CChar>?
        let text = String(decoding: command, as: UTF8.self)
        guard virDomainQemuMonitorCommand(handle, text, &answer, 0) == 0, let answer else {
            if virDomainIsActive(handle) != 1 { throw .gone }
            throw .refused(text, LibvirtFailure.lastError)
        }
        defer { free(answer) }
        let data = Data(bytes: answer, count: strlen(answer))
        guard let message = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            throw .refused(text, "its answer is no JSON")
        }
        return message
    }
}
