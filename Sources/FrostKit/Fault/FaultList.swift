import Foundation

/// All faults, a line each.
public struct FaultList: Codable, Sendable, CustomStringConvertible {
    public struct Row: Codable, Sendable {
        public var name: String
        public var sentence: String
        public var rules: [String]
    }

    public var faults: [Row]

    /// - Throws: ``Fault/Failure``
    public init(_ tree: SourceTree) throws {
        faults = try Fault.all(in: tree).map { Row(name: $0.name, sentence: $0.sentence, rules: $0.rules) }
    }

    public var description: String {
        let width = faults.map(\.name.count).max() ?? 0
        return faults.map {
            let rules = $0.rules.isEmpty ? "" : " Rules: \($0.rules.joined(separator: ", "))."
            return "\($0.name.padding(toLength: width, withPad: " ", startingAt: 0))  \($0.sentence)\(rules)"
        }.joined(separator: "\n")
    }
}
