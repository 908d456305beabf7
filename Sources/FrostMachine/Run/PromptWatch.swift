import FrostCore
import FrostSupport

/// Answers the hypervisor's question for the passphrase: once, since a guest could ask the same later.
struct PromptWatch {
    private let passphrase: Passphrase?
    private var first = TextWatch(Self.prompt)
    private var second: TextWatch?

    static let prompt = PASSPHRASE_PROMPT

    init(passphrase: Passphrase?) {
        self.passphrase = passphrase
    }

    /// What to type now.
    mutating func answer(_ console: [UInt8]) -> [UInt8]? {
        guard let passphrase, second == nil, first.look(at: console), let end = first.foundEnd else {
            return nil
        }
        second = TextWatch(Self.prompt, from: end)
        return passphrase.bytes + [UInt8(ascii: "\r")]
    }

    /// Whether the hypervisor asked again after our answer.
    mutating func isRefused(_ console: [UInt8]) -> Bool {
        second?.look(at: console) ?? false
    }
}
