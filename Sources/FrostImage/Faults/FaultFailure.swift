package import FrostSupport

/// Why a fault cannot be put into the hypervisor.
package enum FaultFailure: Explained, Equatable {
    case unknown(String, known: [String])
    case unreadable(String, reason: String)
    case noDefinition(String, name: String, file: String?)
    case severalDefinitions(String, name: String, files: [String])
    case notOnce(String, name: String, file: String, text: String, count: Int)
    case noHeader(String, header: String, count: Int)

    package var exitCode: ExitCode {
        if case .unknown = self { .noSuchFile } else { .badInput }
    }

    package var description: String {
        switch self {
        case .unknown(let name, let known):
            "There is no fault '\(name)'. frost make-image --list-faults tells the \(known.count) that there are."
        case .unreadable(let path, let reason):
            "The fault \(path) cannot be used: \(reason). Correct the file."
        case .noDefinition(let fault, let name, let file):
            """
            \(Self.stale(fault)): \(file ?? "no file of the hypervisor") \(file == nil ? "defines" : "does not define") \
            '\(name)'. Where it was renamed or moved, say so after in:.
            """
        case .severalDefinitions(let fault, let name, let files):
            """
            \(Self.stale(fault)): '\(name)' is defined in \(files.joined(separator: " and ")). Say which is meant, \
            such as in: \(files[0]) \(name).
            """
        case .notOnce(let fault, let name, let file, let text, let count):
            """
            \(Self.stale(fault)): '\(name)' in \(file) has this text \(count == 0 ? "nowhere" : "\(count) times"). \
            Name one that it has once, instead of: \(text)
            """
        case .noHeader(let fault, let header, let count):
            """
            \(Self.stale(fault)): \(count == 0 ? "no file is" : "\(count) files are") named \(header). Say after \
            include: which header declares what the edit uses.
            """
        }
    }

    private static func stale(_ fault: String) -> String {
        "The fault faults/hypervisor/\(fault).yaml does not fit the hypervisor's sources any more"
    }
}
