/// What the host's hardware encrypts of its own RAM. Frostvisor needs none of it; a reader wants to know.
package struct MemoryEncryption: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable {
        case on
        case off
        /// The CPU does not have it.
        case absent
        case unknown
    }

    package struct Technique: Codable, Sendable, Equatable {
        package var name: String
        package var state: State
        /// What the state was read from.
        package var evidence: String
        /// What to do to have it, or to know more; nil: nothing.
        package var remedy: String?
    }

    package var techniques: [Technique]

    /// Those of them that encrypt what the host itself has in RAM, rather than the machines that it runs.
    private static let ofHost: Set = ["TME", "SME", "TSME"]

    /// Whether the host's RAM is encrypted; never `absent`.
    package var ram: State {
        let states = techniques.filter { Self.ofHost.contains($0.name) || $0.state == .on && isOwn($0) }
            .map(\.state)
        if states.contains(.on) { return .on }
        return states.isEmpty || states.contains(.unknown) ? .unknown : .off
    }

    /// A confidential virtual machine's own RAM.
    private func isOwn(_ technique: Technique) -> Bool { technique.name.hasPrefix(Self.guestMark) }
    static let guestMark = "this machine's "

    init(techniques: [Technique]) {
        self.techniques = techniques
    }

    private enum CodingKeys: CodingKey {
        case ram, techniques
    }

    package init(from decoder: any Decoder) throws {
        techniques = try decoder.container(keyedBy: CodingKeys.self)
            .decode([Technique].self, forKey: .techniques)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(ram, forKey: .ram)
        try container.encode(techniques, forKey: .techniques)
    }
}
