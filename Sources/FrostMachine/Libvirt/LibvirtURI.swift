import Foundation
package import FrostSupport

/// Which libvirt runs a domain.
///
/// - Source: libvirt, "Connection URIs".
package struct LibvirtURI: Sendable, Hashable, CustomStringConvertible {
    package let description: String
    private let components: URLComponents

    /// QEMU's driver inside our own process: no daemon.
    package static let embedded = LibvirtURI(unchecked: "qemu:///embed")

    package init(unchecked text: String) {
        description = text
        components = URLComponents(string: text) ?? URLComponents()
    }

    /// - Throws: ``Failure``
    package init(parsing text: String) throws(Failure) {
        self.init(unchecked: text)
        guard isQEMU, !components.path.isEmpty, components.path != "/" else { throw .notQEMU(text) }
        guard !isEmbedded || (root?.hasPrefix("/") ?? true) else { throw .relativeRoot(text) }
        guard !isEmbedded || !isRemote, pool != "" else { throw .noPool(text) }
    }

    var isQEMU: Bool { components.scheme == "qemu" || components.scheme?.hasPrefix("qemu+") ?? false }
    var isEmbedded: Bool { components.path == "/embed" }
    var isDaemon: Bool { isQEMU && !isEmbedded }
    /// Of an embedded driver: where it keeps its files; nil: we choose.
    var root: String? { components.queryItems?.first { $0.name == "root" }?.value }
    /// As libvirt takes it: without what only we understand.
    var connectionName: String {
        var components = components
        let items = components.percentEncodedQueryItems?.filter { $0.name != "pool" } ?? []
        components.percentEncodedQueryItems = items.isEmpty ? nil : items
        return pool == nil ? description : components.string ?? description
    }
    /// The storage pool that takes images.
    var pool: String? { components.queryItems?.first { $0.name == "pool" }?.value }
    /// Whether its machines share no files and no memory with us: so it is on another host, and wherever a pool is named.
    package var isRemote: Bool { host != nil || pool != nil }
    /// The machine that it runs on, if it is another one. Any name counts, even our own: what a tunnel leads to, only
    /// its owner knows.
    var host: String? { components.host.flatMap { $0.isEmpty ? nil : $0 } }

    package enum Failure: Explained, Equatable {
        case notQEMU(String)
        case relativeRoot(String)
        case noPool(String)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .notQEMU(let text):
                """
                '\(text)' is no libvirt connection to QEMU. Use qemu:///embed, qemu:///system, qemu:///session or \
                one like qemu+ssh://HOST/system.
                """
            case .relativeRoot(let text):
                "The root of '\(text)' must be an absolute path."
            case .noPool(let text):
                "'\(text)' names no storage pool of a daemon's: pool=NAME goes with qemu:///system and the like, not with embed."
            }
        }
    }
}
