import FrostCore
import FrostFormat
import FrostImage
import FrostMachine
import FrostSupport

/// The machine's memory when the hypervisor began its ending.
struct MemoryAtEnd {
    let cipher: HomeCipher
    /// Every block of the page keys, by name.
    let keyBlocks: MemorySearch

    private let view: FrozenView
    private let record: DebuggerRecord
    private let explainer: Explainer
    private let keyCount: Int

    init(_ view: FrozenView, record: DebuggerRecord, explainer: Explainer) throws {
        (self.view, self.record, self.explainer) = (view, record, explainer)
        cipher = HomeCipher(
            imageKey: try view.rawKey(PAGE_IMAGED), sessionKey: try view.rawKey(PAGE_SEALED))
        let keys = SecretKeys([("the image key", cipher.imageKey), ("the session key", cipher.sessionKey)])
        keyBlocks = MemorySearch(named: Array(zip(keys.names, keys.blocks)))
        keyCount = keys.blocks.count
    }

    static func canaries(of record: DebuggerRecord) -> MemorySearch {
        MemorySearch(named: record.inputs.canaries.map { ("\($0)", $0.bytes) })
    }

    struct Found {
        var secrets = Evidence(.noSecret)
        var keys = Evidence(.noKey)
        var faults: [String] = []
        var notes: [String] = []
    }

    /// Canaries and keys, everywhere.
    func search() throws -> Found {
        var found = Found()
        guard let ram = record.ram else { return found }
        let canaries = try Self.canaries(of: record).finds(in: ram)
        let keys = try keyBlocks.finds(in: ram)
        for find in canaries where isOutside(find) {
            found.secrets.add("canary", "The canary \(find.needle) stands in DRAM at the end.") {
                tell(&$0, find)
            }
        }
        for find in keys where isOutside(find) {
            found.keys.add("key-material", "Key material stands in DRAM at the end: \(find.needle).") {
                tell(&$0, find)
            }
        }
        let seen = Set(canaries.filter { !isOutside($0) }.map(\.needle)).count
        let wanted = record.inputs.canaries.count
        found.secrets.figures = [wanted.of("canary", "canaries"), "\(record.image.plan.ram) searched"]
        found.keys.figures = [
            "\(keyCount.of("block")) of the page keys", "\(record.image.plan.ram) searched",
        ]
        if seen < wanted {
            found.notes.append(
                "Of \(wanted) canaries, \(seen) stood in the frozen region at the end: the others may have been at home, or nowhere."
            )
        }
        if !keys.contains(where: { !isOutside($0) }) {
            found.faults.append(
                "The search for keys does not find them in the frozen region, where they must be: it proves nothing."
            )
        }
        return found
    }

    /// Homes against the tree.
    func audit() throws -> (writes: Evidence, freshness: Evidence) {
        var writes = Evidence(.accountedWrites), freshness = Evidence(.freshCiphertext)
        let audit = try TreeAudit(view)
        for page in audit.broken {
            writes.add("wrong-tag", "At the end the home of \(MemoryMap.describe(page)) does not verify.") {
                $0.address = audit.home(page)
                $0.place = explainer.place(audit.home(page))
            }
        }
        if audit.repeated > 0 {
            freshness.add(
                "ciphertext-repeated", times: audit.repeated,
                "At the end homes begin with the same block of ciphertext as others.")
        }
        let homes = audit.verified.reduce(0, +)
        writes.figures = ["\(homes.of("home")) verified at the end"]
        freshness.figures = ["\(homes.of("home")) compared at the end"]
        return (writes, freshness)
    }

    private func isOutside(_ find: MemorySearch.Find) -> Bool {
        !explainer.map.region.contains(find.address)
    }

    private func tell(_ violation: inout Violation, _ find: MemorySearch.Find) {
        violation.address = find.address
        violation.place = explainer.place(find.address)
    }
}
