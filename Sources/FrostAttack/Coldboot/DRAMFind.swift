/// What a cold-boot attacker looks for in DRAM.
package enum DRAMSearchKind: String, Sendable, CaseIterable, Codable {
    case canaries
    case strings
    case blocks
    case schedules
    case keys

    /// For a reader of the table.
    package var title: String {
        switch self {
        case .canaries: "canaries"
        case .strings: "printable strings"
        case .blocks: "known 16-byte blocks"
        case .schedules: "AES key schedules"
        case .keys: "the run's own keys"
        }
    }

    /// For a reader, after a number or after "no".
    func name(many: Bool) -> String {
        let plural = many ? "s" : ""
        return switch self {
        case .canaries: "text\(plural) planted to be found"
        case .strings: "readable text\(plural)"
        case .blocks: "piece\(plural) of the guest's kernel and programs"
        case .schedules: "AES key\(plural), ready to use"
        case .keys: "part\(plural) of the key\(plural) that seal all other pages"
        }
    }
}

/// Something that was found.
struct DRAMFind: Equatable {
    var kind: DRAMSearchKind
    /// Of its first byte, in the files of DRAM.
    var offset: Int
    /// Finds of this kind in the same place, told as one.
    var count = 1
    /// What it is, for a reader.
    var what: String
}
