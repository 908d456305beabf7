import ArgumentParser
import FrostKit

/// How a verb's result is printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json

    func print(_ result: some Encodable & CustomStringConvertible) throws {
        switch self {
        case .text: Swift.print(result)
        case .json: Swift.print(try JSON.text(result))
        }
    }
}
