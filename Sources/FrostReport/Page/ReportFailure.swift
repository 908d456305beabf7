package import FrostSupport

/// Why a folder cannot be shown in a report.
package enum ReportFailure: Explained, Equatable {
    case noFolder(String)
    case noRun(String)
    case lacks(String, String)

    package var exitCode: ExitCode {
        switch self {
        case .noFolder: .noSuchFile
        case .noRun, .lacks: .badInput
        }
    }

    package var description: String {
        switch self {
        case .noFolder(let path):
            "There is no folder \(path). Give folders that frost run --record DIR made."
        case .noRun(let path):
            """
            \(path) is neither a run nor a sweep: it has no run.json, no sweep.json and no cells. Give a folder that \
            frost run --record DIR or frost sweep made.
            """
        case .lacks(let path, let file):
            "The run \(path) is incomplete: it has no \(file). Record it again, or leave it out."
        }
    }
}
