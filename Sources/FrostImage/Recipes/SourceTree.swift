package import Foundation
package import FrostSupport

/// The repository on disk: the sources of the hypervisor and its guests, and where what is built from them goes.
package struct SourceTree: Sendable {
    package let root: URL

    package let hypervisor: URL
    /// The fault that was put into the hypervisor's sources.
    package let fault: String?
    /// What can be put into them: ``Fault``.
    package var faults: URL { root.appending(path: "faults/hypervisor", directoryHint: .isDirectory) }
    package var coreHeaders: URL { hypervisor.appending(path: "core/include", directoryHint: .isDirectory) }
    package var images: URL { root.appending(path: "images", directoryHint: .isDirectory) }
    package var commonGuestSources: URL { images.appending(path: "common", directoryHint: .isDirectory) }
    /// The experiments that only metal can answer.
    package var silicon: URL { root.appending(path: "silicon", directoryHint: .isDirectory) }
    package var build: URL { root.appending(path: ".build/frostvisor", directoryHint: .isDirectory) }

    /// Takes FROST_ROOT, else looks upward from the working directory, else from the executable.
    /// - Throws: ``Failure/notFound``, or ``Failure/notARoot(_:)`` when FROST_ROOT names something else.
    package init(environment: [String: String] = ProcessInfo.processInfo.environment) throws(Failure) {
        if let named = environment["FROST_ROOT"] {
            let root = URL(filePath: named, directoryHint: .isDirectory)
            guard Self.isRoot(root) else { throw .notARoot(named) }
            self.init(root: root.standardizedFileURL)
            return
        }
        let starts = [
            URL(filePath: FileManager.default.currentDirectoryPath, directoryHint: .isDirectory),
            URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent(),
        ]
        for start in starts {
            if let root = Self.firstRoot(above: start) {
                self.init(root: root)
                return
            }
        }
        throw .notFound
    }

    package init(root: URL) {
        self.init(root: root, hypervisor: root.appending(path: "hypervisor", directoryHint: .isDirectory))
    }

    /// `hypervisor`: its sources, where they are not the repository's own.
    init(root: URL, hypervisor: URL, fault: String? = nil) {
        (self.root, self.hypervisor, self.fault) = (root, hypervisor, fault)
    }

    /// Below the repository; a copy of the hypervisor's sources is named as the original.
    func shown(_ source: URL) -> String { shown(source.plainPath) }

    /// The same of any text with paths in it.
    func shown(_ text: String) -> String {
        let own = SourceTree(root: root).hypervisor.plainPath
        return text.replacing(hypervisor.plainPath, with: own).replacing(root.plainPath, with: "")
    }

    /// The file that ``shown(_:)`` made this of.
    func located(_ shown: String) -> URL {
        if shown.hasPrefix("/") { return URL(filePath: shown) }
        let prefix = "hypervisor/"
        guard shown.hasPrefix(prefix) else { return root.appending(path: shown) }
        return hypervisor.appending(path: String(shown.dropFirst(prefix.count)))
    }

    private static func firstRoot(above start: URL) -> URL? {
        var folder = start.standardizedFileURL
        while !isRoot(folder) {
            guard folder.plainPath != "/" else { return nil }
            folder.deleteLastPathComponent()
        }
        return folder
    }

    private static func isRoot(_ folder: URL) -> Bool {
        let mark = folder.appending(path: "hypervisor/core/include/image.h")
        return FileManager.default.fileExists(atPath: mark.plainPath)
    }

    package enum Failure: Explained, Equatable {
        case notFound
        case notARoot(String)

        package var exitCode: ExitCode { .noSuchFile }

        package var description: String {
            switch self {
            case .notFound:
                """
                The Frostvisor sources are neither above the working directory nor above this program. \
                Run frost inside the repository, or set FROST_ROOT to its folder.
                """
            case .notARoot(let path):
                "FROST_ROOT is '\(path)', but there is no Frostvisor repository. Set it to the repository's folder."
            }
        }
    }
}
