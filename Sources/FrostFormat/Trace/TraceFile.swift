import FrostCore
package import Foundation
package import FrostSupport

extension Trace {
    package init(decoding bytes: [UInt8]) {
        var reader = TraceReader()
        reader.feed(bytes)
        self = reader.trace
    }

    /// Reads `trace.bin`, or the one in a run's folder.
    /// - Throws: ``Failure``
    package init(reading file: URL) throws(Failure) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file.plainPath, isDirectory: &isFolder) else {
            throw .missing(file.plainPath)
        }
        let capture = isFolder.boolValue ? RunFolder(file).trace : file
        guard let data = try? Data(contentsOf: capture) else { throw .missing(capture.plainPath) }
        self.init(decoding: [UInt8](data))
        guard !records.isEmpty else { throw .noRecords(capture.plainPath) }
        if let format = fact(.format), format != UInt64(TRACE_FORMAT) {
            throw .format(capture.plainPath, format)
        }
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case noRecords(String)
        case format(String, UInt64)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .noRecords, .format: .badInput
            }
        }

        package var description: String {
            switch self {
            case .missing(let path):
                "There is no trace at \(path). Record one with frost run IMAGE --record DIR."
            case .noRecords(let path):
                "\(path) holds no trace record. Give the trace.bin of a run, or the run's folder."
            case .format(let path, let format):
                "\(path) has trace format \(format); this frost knows \(TRACE_FORMAT). Record the run again."
            }
        }
    }
}
