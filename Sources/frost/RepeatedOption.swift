import FrostSupport
import ArgumentParser
import Foundation

/// Finds an option that is given twice though it takes one value: ArgumentParser would drop the first without a word.
struct RepeatedOption {
    /// As it was typed.
    let name: String

    /// nil: there is none.
    init?(in arguments: [String], of command: any ParsableCommand.Type) throws {
        let help = try JSON.decode(Help.self, from: Data(command._dumpHelp().utf8))
        let options = (help.command.arguments ?? []).filter { $0.kind == "option" }.map { option in
            (names: (option.names ?? []).map(\.typed), isRepeating: option.isRepeating)
        }
        var given: Set<Int> = []
        var rest = arguments[...]
        while let argument = rest.popFirst(), argument != "--" {
            let name = argument.prefix { $0 != "=" }
            guard let index = options.firstIndex(where: { $0.names.contains(String(name)) }) else { continue }
            if name == argument { rest = rest.dropFirst() }
            guard options[index].isRepeating || given.insert(index).inserted else {
                self.name = String(name)
                return
            }
        }
        return nil
    }

    /// - Source: ArgumentParser, ArgumentParserToolInfo/ToolInfo.swift, which is no product of its package.
    private struct Help: Decodable {
        var command: Command

        struct Command: Decodable {
            var arguments: [Argument]?
        }

        struct Argument: Decodable {
            var kind: String
            var isRepeating: Bool
            var names: [Name]?
        }

        struct Name: Decodable {
            var kind: String
            var name: String

            var typed: String { (kind == "long" ? "--" : "-") + name }
        }
    }
}
