import CacheModel

/// What a recorded run was: `proof.json`. With the files beside it, all that a verdict is made of.
public struct ProofInputs: Codable, Sendable, Equatable {
    /// SHA-256 of the image, in hexadecimal digits.
    public var imageHash: String
    /// Of the hypervisor's file with symbols.
    public var symbolsHash: String
    public var canaries: [Canary]
    public var ending: RunEnding.Kind
    /// In words.
    public var end: String
    public var hasEndedAsAsked: Bool
    public var complaints: [String]
    public var commandLine: String
}
