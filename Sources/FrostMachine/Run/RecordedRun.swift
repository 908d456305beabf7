package import Foundation
package import FrostFormat
package import FrostSupport

/// A run's folder, read back.
package struct RecordedRun: Sendable {
    package let folder: RunFolder
    /// nil: only a trace was given.
    package let report: RunReport?
    package let trace: Trace

    package var clock: RunClock { report?.clock ?? .unknown }

    /// Reads a run's folder, or its `trace.bin`.
    /// - Throws: ``Trace/Failure``, ``Failure``
    package init(reading file: URL) throws {
        trace = try Trace(reading: file)
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: file.plainPath, isDirectory: &isFolder)
        folder = RunFolder(isFolder.boolValue ? file : file.deletingLastPathComponent())
        let isOwn = isFolder.boolValue || file.lastPathComponent == folder.trace.lastPathComponent
        report = isOwn ? try folder.decode(RunReport.self, from: folder.report) : nil
    }
}

extension RunFolder {
    /// What a JSON file of the folder says; nil when there is none.
    /// - Throws: ``RecordedRun/Failure``
    package func decode<Value: Decodable>(_ type: Value.Type, from file: URL) throws(RecordedRun.Failure)
        -> Value?
    {
        guard FileManager.default.fileExists(atPath: file.plainPath) else { return nil }
        guard let data = try? Data(contentsOf: file), let value = try? JSON.decode(type, from: data)
        else { throw .damaged(file.plainPath) }
        return value
    }
}

extension RecordedRun {
    package enum Failure: Explained, Equatable {
        case damaged(String)

        package var exitCode: ExitCode { .badInput }

        package var description: String {
            switch self {
            case .damaged(let path):
                "\(path) cannot be understood: it is damaged, or of another version of frost. Make it again."
            }
        }
    }
}
