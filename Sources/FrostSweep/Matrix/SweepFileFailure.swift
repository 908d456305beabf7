package import FrostSupport

/// Why a sweep's file is not understood.
package enum SweepFileFailure: Explained, Equatable {
    case missing(String)
    case mistake(String, line: Int?, String)

    package var exitCode: ExitCode {
        switch self {
        case .missing: .noSuchFile
        case .mistake: .badInput
        }
    }

    package var description: String {
        switch self {
        case .missing(let path): "There is no sweep \(path). Check the path."
        case .mistake(let path, let line, let sentence):
            "\(path)\(line.map { ", line \($0)" } ?? ""): \(sentence)"
                + (sentence.hasSuffix(".") ? "" : ".")
        }
    }
}
