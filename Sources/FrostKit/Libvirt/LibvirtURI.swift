import Foundation

/// Which libvirt runs a domain.
///
/// - Source: libvirt, "Connection URIs".
public struct LibvirtURI: Sendable, Hashable, CustomStringConvertible {
    public let description: String
    private let components: URLComponents

    /// QEMU's driver inside our own process: no daemon.
    public static let embedded = LibvirtURI(unchecked: "qemu:///embed")

    init(unchecked text: String) {
        description = text
        components = URLComponents(string: text) ?? URLComponents()
    }

    /// - Throws: ``Failure``
    public init(parsing text: String) throws(Failure) {
        self.init(unchecked: text)
        guard isQEMU, !components.path.isEmpty, components.path != "/" else { throw .notQEMU(text) }
        guard !isEmbedded || (root?.hasPrefix("/") ?? true) else { throw .relativeRoot(text) }
    }

    var isQEMU: Bool { components.scheme == "qemu" || components.scheme?.hasPrefix("qemu+") ?? false }
    var isEmbedded: Bool { components.path == "/embed" }
    var isDaemon: Bool { isQEMU && !isEmbedded }
    /// Of an embedded driver: where it keeps its files; nil: we choose.
    var root: String? { components.queryItems?.first { $0.name == "root" }?.value }
    /// The machine that it runs on, if it is another one. Any name counts, even our own: what a tunnel leads to, only
    /// its owner knows.
    var host: String? { components.host.flatMap { $0.isEmpty ? nil : $0 } }

    public enum Failure: Explained, Equatable {
        case notQEMU(String)
        case relativeRoot(String)

        public var exitCode: ExitCode { .usage }

        public var description: String {
            switch self {
            case .notQEMU(let text):
                """
                '\(text)' is no libvirt connection to QEMU. Use qemu:///embed, qemu:///system, qemu:///session or \
                one like qemu+ssh://HOST/system.
                """
            case .relativeRoot(let text):
                "The root of '\(text)' must be an absolute path."
            }
        }
    }
}
