import AccessTrace
import DRAMSearch
import FrostCore
import FrostFormat
import FrostMachine
import ResidencyRecord

/// Holds what the windows saw written to DRAM against what explains it: a tag, or that it is nothing but zeroes.
final class TracedHomes {
    private(set) var writes = Evidence(.accountedWrites)
    private(set) var secrets = Evidence(.noSecret)
    private(set) var keys = Evidence(.noKey)
    private(set) var freshness = Evidence(.freshCiphertext)
    private(set) var verified = 0
    private(set) var erasedBytes = 0
    /// Homes whose sealing was not over when the window was.
    private(set) var unfinished = 0

    /// Set before the trace is read.
    weak var trace: AccessJudge?
    private let explainer: Explainer
    private let cipher: HomeCipher?
    private let geometry: page_geometry
    private let root: UInt64
    private let canaries, keyBlocks: MemorySearch
    private var counters: Set<UInt64> = []

    /// - Parameter cipher: nil: the keys are not known, and nothing can be verified.
    init(
        _ plan: MemoryPlan, explainer: Explainer, cipher: HomeCipher?, root: UInt64, canaries: MemorySearch,
        keyBlocks: MemorySearch
    ) {
        (self.explainer, self.cipher, self.root) = (explainer, cipher, root)
        (self.canaries, self.keyBlocks) = (canaries, keyBlocks)
        geometry = plan.geometry
    }

    func add(_ home: access_home) {
        if home.is_firmware {
            addViolation("unknown-buffer", home, "The hypervisor wrote to memory of the firmware.")
            return
        }
        guard home.end != HOME_ERASED else {
            erasedBytes += Int(home.written)
            return
        }
        guard case .home(let page) = explainer.map.place(of: home.address) else {
            addViolation(
                "unknown-buffer", home, "This memory is no page's home and no declared public buffer.")
            return
        }
        if !verify(page, home) { search(home) }
    }

    private func verify(_ page: page_id, _ home: access_home) -> Bool {
        // Without keys there is nothing to tell a home by, and no verdict either.
        guard let cipher else { return true }
        let entries =
            trace?.entries(
                of: page, isTop: page_level(page) == geometry.top_level, root: root, since: home.since) ?? []
        let bytes = Self.bytes(home)
        if home.written == PAGE_BYTES,
            let entry = entries.first(where: { cipher.open(page, $0, ciphertext: bytes) != nil })
        {
            verified += 1
            if !counters.insert(entry.counter).inserted {
                freshness.add(
                    "nonce-repeated",
                    "A page was sealed with a nonce that was used before: seal counter \(entry.counter).",
                    complete: { tell(&$0, home) })
            }
            return true
        }
        if home.end == HOME_CUT, !isPlain(home, bytes) {
            unfinished += 1
        } else if home.written == PAGE_BYTES && !entries.isEmpty {
            addViolation("wrong-tag", home, "A home was written whose tag does not verify.")
        } else {
            addViolation(
                "never-described", home, "A home was written, and no entry of the tree describes it.")
        }
        return false
    }

    /// Holds a block that ciphertext would not have.
    private func isPlain(_ home: access_home, _ bytes: [UInt8]) -> Bool {
        stride(from: 0, to: bytes.count, by: Int(BLOCK_BYTES)).contains { at in
            (at..<at + Int(BLOCK_BYTES)).allSatisfy { home.known[$0] == 1 }
                && bytes[at..<at + Int(BLOCK_BYTES)].withUnsafeBytes {
                    block_is_trivial($0.bindMemory(to: UInt8.self).baseAddress)
                }
        }
    }

    private func search(_ home: access_home) {
        let bytes = Self.bytes(home)
        for find in canaries.finds(in: bytes, at: home.address) {
            secrets.add("canary", "The canary \(find.needle) was written to DRAM.") {
                tell(&$0, home, at: find.address)
            }
        }
        for find in keyBlocks.finds(in: bytes, at: home.address) {
            keys.add("key-material", "Key material was written to DRAM: \(find.needle).") {
                tell(&$0, home, at: find.address)
            }
        }
    }

    private static func bytes(_ home: access_home) -> [UInt8] {
        Array(UnsafeBufferPointer(start: home.bytes, count: Int(PAGE_BYTES)))
    }

    private func addViolation(_ rule: String, _ home: access_home, _ sentence: String) {
        writes.add(rule, sentence) { tell(&$0, home) }
    }

    private func tell(_ violation: inout Violation, _ home: access_home, at address: UInt64? = nil) {
        violation.instant = home.instant
        violation.address = address ?? home.first
        violation.place = explainer.place(home.address)
        violation.instruction = explainer.instruction(home.rip, MODE_HOST)
    }
}
