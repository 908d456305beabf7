public import Foundation

/// One run's files; the only speller of their names.
public struct RunFolder: Sendable {
    public let folder: URL

    public init(_ folder: URL) {
        self.folder = folder
    }

    /// What was run, how, and how it ended.
    public var report: URL { folder.appending(path: "run.json") }
    /// Everything that came over the guest's serial line.
    public var console: URL { folder.appending(path: "console.txt") }
    /// Everything that came over the hypervisor's serial line.
    public var trace: URL { folder.appending(path: "trace.bin") }
    /// What the emulator itself complained about.
    public var machineLog: URL { folder.appending(path: "machine.log") }
    /// The machine's physical memory.
    public var ram: URL { folder.appending(path: "ram.bin") }

    /// Makes the folder, and takes away what an earlier run left in it; never the image that is to be run.
    /// - Throws: ``Failure``
    public func prepare(for image: URL) throws(Failure) {
        let files = FileManager.default
        let own = [report, console, trace, machineLog, ram].map { $0.resolvingSymlinksInPath().plainPath }
        guard !own.contains(image.resolvingSymlinksInPath().plainPath) else {
            throw .holdsImage(image.plainPath)
        }
        do {
            try files.createDirectory(at: folder, withIntermediateDirectories: true)
            for file in [report, console, trace, machineLog, ram]
            where files.fileExists(atPath: file.plainPath) {
                try files.removeItem(at: file)
            }
            try Data().write(to: console)
            try Data().write(to: trace)
        } catch {
            throw .cannotWrite(folder.plainPath)
        }
    }

    public enum Failure: Explained, Equatable {
        case cannotWrite(String)
        case holdsImage(String)

        public var exitCode: ExitCode {
            switch self {
            case .cannotWrite: .cannotWrite
            case .holdsImage: .usage
            }
        }

        public var description: String {
            switch self {
            case .cannotWrite(let path):
                "The run's folder \(path) cannot be written. Choose another place with --record."
            case .holdsImage(let path):
                "The run's record would replace the image \(path). Choose another place with --record."
            }
        }
    }
}
