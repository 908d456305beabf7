import CLibvirt
import Foundation
package import FrostSupport

/// What libvirt did not do, in its own words.
package enum LibvirtFailure: Explained, Equatable {
    case noConnection(LibvirtURI, words: String)
    case noDomain(LibvirtURI, words: String)
    case noConsole(LibvirtURI, words: String)
    case gone(LibvirtURI)
    case noPool(LibvirtURI, name: String, words: String)
    case noUpload(LibvirtURI, words: String)
    case interrupted(LibvirtURI)
    case notInXML(String)

    package var exitCode: ExitCode {
        switch self {
        case .noConnection, .noPool: .unavailable
        case .noDomain, .noConsole, .noUpload, .gone: .machineDied
        case .interrupted: .interrupted
        case .notInXML: .usage
        }
    }

    package var description: String {
        switch self {
        case .noConnection(let uri, let words):
            "libvirt cannot be reached at \(uri): \(words). Check the URI; frost doctor says what is missing here."
        case .noDomain(let uri, let words):
            "libvirt at \(uri) did not start the machine: \(words). Try the same run with --platform qemu-tcg."
        case .noConsole(let uri, let words):
            "libvirt at \(uri) does not connect the machine's console: \(words)."
        case .gone(let uri):
            "libvirt at \(uri) lost the machine. Is its daemon, or the way to it, still there?"
        case .noPool(let uri, let name, let words):
            """
            libvirt at \(uri) has no storage pool '\(name)' for the image: \(words). Type: virsh -c '\(uri.connectionName)' \
            pool-create-as \(name) dir --target /var/lib/libvirt/images --build, or name another with ?pool=NAME in the URI.
            """
        case .noUpload(let uri, let words):
            "libvirt at \(uri) did not take the image: \(words). Is there room in its pool?"
        case .interrupted(let uri):
            "Interrupted while the image was sent to \(uri); nothing is left of it there."
        case .notInXML(let text):
            "XML, which libvirt is given, cannot hold the control characters in '\(text)'. Use another name."
        }
    }

    /// What libvirt said last on this thread, without a full stop.
    static var lastError: String {
        let message = virGetLastErrorMessage().map { String(cString: $0) } ?? "no reason given"
        return message.split(whereSeparator: \.isNewline).joined(separator: " ")
            .trimmingCharacters(in: .init(charactersIn: " ."))
    }
}
