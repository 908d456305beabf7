import Foundation

/// What is said beside the result: standard error.
enum Talk {
    static func say(_ sentence: String) {
        try? FileHandle.standardError.write(contentsOf: Data("frost: \(sentence)\n".utf8))
    }

    /// A summary that stands beside a console.
    static func show(_ summary: some CustomStringConvertible) {
        try? FileHandle.standardError.write(contentsOf: Data("\n\(summary)\n".utf8))
    }
}
