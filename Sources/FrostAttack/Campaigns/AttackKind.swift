/// What an attacker with his hands on DRAM, or on the machine, may do.
package enum AttackKind: String, Codable, Sendable, CaseIterable {
    case flip
    case zero
    case swap
    case splice
    case replay
    case rollback
    case rollbackPair = "rollback-pair"
    case kill
    case reset
    case nmi
    case initialise = "init"
    case smi

    /// Whether homes are changed; the other kinds interrupt the machine.
    package var changesDRAM: Bool {
        switch self {
        case .flip, .zero, .swap, .splice, .replay, .rollback, .rollbackPair: true
        case .kill, .reset, .nmi, .initialise, .smi: false
        }
    }

    package var meaning: String {
        switch self {
        case .flip: "one bit of a home"
        case .zero: "a home becomes zeroes"
        case .swap: "two homes change places"
        case .splice: "a home becomes a copy of another"
        case .replay: "a guest page's home becomes what it was earlier"
        case .rollback: "a metadata page's home becomes what it was earlier"
        case .rollbackPair: "a metadata page and a page that it describes become what they were earlier"
        case .kill: "the power is cut"
        case .reset: "the reset line is pulled, and the firmware starts anew"
        case .nmi: "an NMI"
        case .initialise: "an INIT, sent as a device sends a message"
        case .smi: "an SMI, sent likewise"
        }
    }

    /// One line a kind, for `--help`.
    package static var table: String {
        let width = allCases.map(\.rawValue.count).max() ?? 0
        return allCases.map { kind in
            "  " + kind.rawValue + String(repeating: " ", count: width + 2 - kind.rawValue.count)
                + kind.meaning
        }.joined(separator: "\n")
    }
}
