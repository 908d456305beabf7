public import Foundation

/// A run's folder, read back.
public struct RecordedRun: Sendable {
    public let folder: RunFolder
    /// nil: only a trace was given.
    public let report: RunReport?
    public let trace: Trace

    public var clock: RunClock { report?.clock ?? .unknown }

    /// Reads a run's folder, or its `trace.bin`.
    /// - Throws: ``Trace/Failure``, ``Failure``
    public init(reading file: URL) throws {
        trace = try Trace(reading: file)
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: file.plainPath, isDirectory: &isFolder)
        folder = RunFolder(isFolder.boolValue ? file : file.deletingLastPathComponent())
        let isOwn = isFolder.boolValue || file.lastPathComponent == folder.trace.lastPathComponent
        report = isOwn ? try folder.decode(RunReport.self, from: folder.report) : nil
    }

    public func summary(bins: Int = 60) -> TraceSummary { TraceSummary(trace, clock: clock, bins: bins) }
}

extension RunFolder {
    /// What a JSON file of the folder says; nil when there is none.
    /// - Throws: ``RecordedRun/Failure``
    func decode<Value: Decodable>(_ type: Value.Type, from file: URL) throws(RecordedRun.Failure) -> Value? {
        guard FileManager.default.fileExists(atPath: file.plainPath) else { return nil }
        guard let data = try? Data(contentsOf: file), let value = try? JSONDecoder().decode(type, from: data)
        else { throw .damaged(file.plainPath) }
        return value
    }
}

extension RecordedRun {
    public enum Failure: Explained, Equatable {
        case damaged(String)

        public var exitCode: ExitCode { .badInput }

        public var description: String {
            switch self {
            case .damaged(let path):
                "\(path) cannot be understood: it is damaged, or of another version of frost. Make it again."
            }
        }
    }
}
