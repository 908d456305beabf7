import Foundation

/// What is said beside the result: standard error.
enum Talk {
    static func say(_ sentence: String) {
        FileHandle.standardError.write(Data("frost: \(sentence)\n".utf8))
    }
}
