import CacheModel
package import FrostFormat
package import FrostImage

/// What a recorded run was: `proof.json`. With the files beside it, all that a verdict is made of.
package struct RecordInputs: Codable, Sendable, Equatable {
    /// SHA-256 of the image, in hexadecimal digits.
    package var imageHash: String
    /// Of the hypervisor's file with symbols.
    package var symbolsHash: String
    package var canaries: [Canary]
    package var ending: RunEnding.Kind
    /// In words.
    package var end: String
    package var hasEndedAsAsked: Bool
    package var unmet: [String]
    package var commandLine: String

    package init(
        imageHash: String, symbolsHash: String, canaries: [Canary], ending: RunEnding.Kind, end: String,
        hasEndedAsAsked: Bool, unmet: [String], commandLine: String
    ) {
        self.imageHash = imageHash
        self.symbolsHash = symbolsHash
        self.canaries = canaries
        self.ending = ending
        self.end = end
        self.hasEndedAsAsked = hasEndedAsAsked
        self.unmet = unmet
        self.commandLine = commandLine
    }
}
