import Foundation

/// What is said beside the result: standard error.
enum Talk {
    static func say(_ sentence: String) {
        FileHandle.standardError.write(Data("frost: \(sentence)\n".utf8))
    }

    /// A summary that stands beside a console.
    static func show(_ summary: some CustomStringConvertible) {
        FileHandle.standardError.write(Data("\n\(summary)\n".utf8))
    }
}
