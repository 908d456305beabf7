import ArgumentParser
import Foundation
import FrostSupport

/// How a verb's result is printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json

    func print(_ result: some Encodable & CustomStringConvertible) throws {
        let text = self == .text ? result.description : try JSON.text(result)
        // Unlike print, this says when the result went nowhere.
        try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
    }
}
