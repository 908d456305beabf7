import CLibvirt
import Foundation
import Synchronization

/// A libvirt that we talk to. One of each URI is enough for any number of domains, from any thread.
final class LibvirtConnection: @unchecked Sendable {
    let uri: LibvirtURI
    let handle: virConnectPtr
    /// Of an embedded driver.
    let root: EmbeddedRoot?
    private let watchers = Mutex<[String: LifecycleLog]>([:])

    private static let open = Mutex<[LibvirtURI: LibvirtConnection]>([:])

    /// The connection to `uri` that this process has, opened at first use.
    /// - Throws: ``LibvirtFailure/noConnection(_:words:)``, ``EmbeddedRoot/Failure``
    static func shared(_ uri: LibvirtURI) throws -> LibvirtConnection {
        try open.withLock { open in
            if let old = open[uri], old.isAlive { return old }
            let new = try LibvirtConnection(uri)
            open[uri] = new
            return new
        }
    }

    init(_ uri: LibvirtURI) throws {
        _ = Self.eventLoop
        self.uri = uri
        root = uri.isEmbedded ? try EmbeddedRoot(at: uri.root) : nil
        let name =
            root.map { LibvirtURI.embedded.description + "?root=" + $0.encodedPath } ?? uri.connectionName
        guard let handle = virConnectOpen(name) else {
            throw LibvirtFailure.noConnection(uri, words: LibvirtFailure.lastError)
        }
        self.handle = handle
        listen()
        // Else a remote host that no longer answers would go unnoticed. The drivers without a daemon refuse.
        virConnectSetKeepAlive(handle, Self.secondsOfSilence, Self.silences)
        endLeftovers()
        root?.dropLogs()
    }

    /// How often it is asked for a sign of life, and how many may be missing.
    private static let (secondsOfSilence, silences) = (Int32(5), UInt32(4))

    var isAlive: Bool { virConnectIsAlive(handle) == 1 }

    deinit {
        if callback >= 0 { virConnectDomainEventDeregisterAny(handle, callback) }
        virConnectClose(handle)
    }

    /// libvirt's timers and sockets have a thread of their own, which must be there before the first connection.
    private static let eventLoop: Void = {
        // Its errors come back from its calls; it need not print them as well.
        setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", 0)
        virSetErrorFunc(nil) { _, _ in }
        virEventRegisterDefaultImpl()
        Thread.detachNewThread {
            while virEventRunDefaultImpl() >= 0 {}
        }
    }()

    /// No other process has an embedded driver's root: what of ours runs in it was left by a frost that was killed, and by
    /// a kernel that did not see it. A daemon that was killed itself, and started again, does not know any more whom its
    /// domains should end with. Others' domains are none of our business.
    private func endLeftovers() {
        var list: UnsafeMutablePointer<virDomainPtr?>?
        let count = virConnectListAllDomains(handle, &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE.rawValue)
        guard count >= 0, let list else { return }
        for domain in UnsafeBufferPointer(start: list, count: Int(count)) {
            if let name = virDomainGetName(domain), isLeftOver(String(cString: name)) {
                virDomainDestroy(domain)
            }
            virDomainFree(domain)
        }
        free(list)
    }

    private func isLeftOver(_ name: String) -> Bool {
        root == nil ? RunOwner(of: name)?.isAlive == false : RunOwner.isAny(name)
    }

    func capabilities() throws(LibvirtFailure) -> HostCapabilities {
        guard let text = virConnectGetCapabilities(handle) else {
            throw .noConnection(uri, words: LibvirtFailure.lastError)
        }
        defer { free(text) }
        return HostCapabilities(text: String(cString: text))
    }

    // MARK: events

    private var callback: Int32 = -1

    /// Tells `log` from now on what becomes of the domain of that name.
    func watch(_ name: String, _ log: LifecycleLog?) {
        watchers.withLock { $0[name] = log }
    }

    private func listen() {
        let receive: virConnectDomainEventCallback = { _, domain, event, detail, opaque in
            guard let domain, let name = virDomainGetName(domain), let opaque else { return 0 }
            let connection = Unmanaged<WeakConnection>.fromOpaque(opaque).takeUnretainedValue()
            connection.target?.receive(String(cString: name), event: event, detail: detail)
            return 0
        }
        callback = virConnectDomainEventRegisterAny(
            handle, nil, Int32(VIR_DOMAIN_EVENT_ID_LIFECYCLE.rawValue),
            unsafeBitCast(receive, to: virConnectDomainEventGenericCallback.self),
            Unmanaged.passRetained(WeakConnection(self)).toOpaque(),
            { $0.map { Unmanaged<WeakConnection>.fromOpaque($0).release() } })
    }

    private func receive(_ name: String, event: Int32, detail: Int32) {
        watchers.withLock { $0[name] }?.append(LifecycleEvent(event: event, detail: detail))
    }

    /// What libvirt's callback holds: the connection itself would never go.
    private final class WeakConnection {
        weak var target: LibvirtConnection?

        init(_ target: LibvirtConnection) {
            self.target = target
        }
    }
}
