import Foundation

/// Answers the hypervisor's question for the passphrase: once, since a guest could ask the same later.
struct PromptWatch {
    private let passphrase: Passphrase?
    private var isAnswered = false

    static let prompt = "frostvisor: passphrase: "

    init(passphrase: Passphrase?) {
        self.passphrase = passphrase
    }

    /// What to type now.
    mutating func answer(_ console: [UInt8]) -> [UInt8]? {
        guard let passphrase, !isAnswered, console.contains(text: Self.prompt) else { return nil }
        isAnswered = true
        return passphrase.bytes + [UInt8(ascii: "\r")]
    }

    /// Whether the hypervisor asks again after our answer.
    func isRefused(_ console: [UInt8], hasLaunched: Bool) -> Bool {
        guard isAnswered, !hasLaunched else { return false }
        let said = Data(console)
        let prompt = Data(Self.prompt.utf8)
        guard let first = said.range(of: prompt) else { return false }
        return said.range(of: prompt, in: first.upperBound..<said.endIndex) != nil
    }
}

extension [UInt8] {
    func contains(text: String) -> Bool {
        Data(self).range(of: Data(text.utf8)) != nil
    }
}
