import Foundation
import FrostSupport

/// Where a result goes that may be a file.
enum Output {
    /// The whole file or none of it; without a path, standard output.
    static func write(_ text: String, to path: String?) throws {
        let data = Data(text.utf8)
        guard let path else { return try FileHandle.standardOutput.write(contentsOf: data) }
        do { try data.write(to: URL(filePath: path), options: .atomic) } catch {
            throw Failure.cannotWrite(path)
        }
    }

    enum Failure: Explained {
        case cannotWrite(String)

        var exitCode: FrostSupport.ExitCode { .cannotWrite }

        var description: String {
            switch self {
            case .cannotWrite(let path): "\(path) cannot be written. Choose another place with -o."
            }
        }
    }
}
