import Foundation

/// All faults, a line each.
package struct FaultList: Codable, Sendable, CustomStringConvertible {
    package struct Row: Codable, Sendable {
        package var name: String
        package var sentence: String
        package var rules: [String]
    }

    package var faults: [Row]

    /// - Throws: ``Fault/Failure``
    package init(_ tree: SourceTree) throws {
        faults = try Fault.all(in: tree).map { Row(name: $0.name, sentence: $0.sentence, rules: $0.rules) }
    }

    package var description: String {
        let width = faults.map(\.name.count).max() ?? 0
        return faults.map {
            let rules = $0.rules.isEmpty ? "" : " Rules: \($0.rules.joined(separator: ", "))."
            return "\($0.name.padding(toLength: width, withPad: " ", startingAt: 0))  \($0.sentence)\(rules)"
        }.joined(separator: "\n")
    }
}
