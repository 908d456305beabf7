package import CacheModel
import Foundation
package import FrostCore
package import FrostFormat
package import FrostImage
package import FrostProof
import FrostSupport
import Glibc
package import ResidencyRecord

/// The record of a small run that never was, in a folder of its own: sound, unless something is done to it.
package final class SampleRecord {
    package static let canary = Array("the canary of a test, 32 bytes..".utf8)
    static let pageBytes = Int(PAGE_BYTES)

    package let folder: RunFolder
    package let plan: MemoryPlan
    package let sample: SampleImage
    package let sessionKey: [UInt8]
    package var log: LogWriter
    /// DRAM now.
    package var view: [UInt8]
    package var region: [UInt8]
    package var end = residency_end()
    package var inputs: RecordInputs
    private(set) var base: [UInt8]
    private var counter: UInt64 = 100
    private var random: SplitMix64
    private let scratch: Scratch

    /// - Parameter prepare: changes DRAM as it is when the log begins.
    package init(
        seed: UInt64, key: ImageKey.Source? = nil, header change: (inout residency_header) -> Void = { _ in },
        base prepare: (SampleRecord) -> Void = { _ in }
    ) throws {
        random = SplitMix64(seed: seed)
        scratch = try Scratch()
        folder = RunFolder(scratch.url)
        var memory = GuestMemory()
        memory.write(Self.noise(3 * Self.pageBytes, &random), at: 0x10_0000)
        let passphrase = ImageKey.Source.passphrase(try Passphrase("ice"), iterations: 1000)
        sample = try SampleImage(key: key ?? passphrase, memory: memory, ram: 32 * .mebibyte)
        plan = sample.plan
        sessionKey = Self.noise(Int(GCM_KEY_BYTES), &random)
        var header = Self.header(plan)
        change(&header)
        log = LogWriter(header)
        view = [UInt8](repeating: 0, count: Int(plan.ram.bytes))
        region = [UInt8](repeating: 0, count: Int(plan.frozen.bytes))
        base = []
        inputs = RecordInputs(
            imageHash: "", symbolsHash: "", canaries: [try Canary(parsing: "0x\(Self.canary.hexadecimal)")],
            ending: .powerOff, end: "the guest powered the machine off", hasEndedAsAsked: true,
            unmet: [], commandLine: "qemu")
        try fillBase()
        prepare(self)
        base = view
        begin()
    }

    /// Bytes that no other page has.
    package func noise(_ count: Int = pageBytes) -> [UInt8] { Self.noise(count, &random) }

    private static func noise(_ count: Int, _ random: inout SplitMix64) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }

    private static func header(_ plan: MemoryPlan) -> residency_header {
        var header = residency_header()
        withUnsafeMutableBytes(of: &header.magic) { $0.copyBytes(from: RESIDENCY_MAGIC.utf8) }
        header.version = RESIDENCY_VERSION
        header.header_bytes = UInt32(MemoryLayout<residency_header>.size)
        (header.ram_bytes, header.low_ram_bytes) = (plan.ram.bytes, plan.ram.bytes)
        (header.region_base, header.region_bytes) = (plan.frozenBase, plan.frozen.bytes)
        header.text_bytes = 16384
        withUnsafeMutableBytes(of: &header.preset) { $0.copyBytes(from: "sapphire-rapids-l2".utf8) }
        header.vendor = UInt32(CACHE_INTEL.rawValue)
        (header.line_bytes, header.sets, header.ways, header.slices) = (64, 2048, 16, 1)
        header.replacement = UInt32(CACHE_TREE_PLRU.rawValue)
        return header
    }

    // MARK: what a run does

    private func fillBase() throws {
        var payload = sample.imagePayload[...]
        for run in try BootImage(reading: sample.file).runs {
            let count = Int(run.pages) * Self.pageBytes
            view.replaceSubrange(Int(run.home)..<Int(run.home) + count, with: payload.prefix(count))
            payload = payload.dropFirst(count)
        }
        for firmware in [0, 0xF0000, Int(plan.ram.bytes) - 8192] {
            view.replaceSubrange(firmware..<firmware + 512, with: noise(512))
        }
        // The pages that the guest's first entry finds in the region, keys included.
        region.replaceSubrange(0x8000..<0x8000 + 2 * Self.pageBytes, with: noise(2 * Self.pageBytes))
        for (at, raw) in [(0x4000, sample.key.raw), (0x4400, sessionKey)] {
            let key = CipherKey(raw)
            let bytes = [UInt8](memoryOf: key.expanded.pointee)
            region.replaceSubrange(at..<at + bytes.count, with: bytes)
        }
    }

    private func begin() {
        phase(PHASE_FILL)
        phase(PHASE_FROZEN)
        checkpoint()
        for (state, raw) in [(PAGE_IMAGED, sample.key.raw), (PAGE_SEALED, sessionKey)] {
            log.add(RESIDENCY_KEY) { record in
                var key = residency_key()
                (key.record, key.state) = (record, state.rawValue)
                withUnsafeMutableBytes(of: &key.raw) { $0.copyBytes(from: raw) }
                return key
            }
        }
        log.read(4096, at: plan.metaBase, access: ACCESS_READ, mode: MODE_HOST)
        write([UInt8](repeating: 0, count: 0x30000), at: 0x60000)
        write(noise(40), at: 0xF0100, mode: MODE_GUEST)
        var secret = noise()
        secret.replaceSubrange(100..<100 + Self.canary.count, with: Self.canary)
        for page in [page_make(0, 0x300), page_make(0, 0x301)] { seal(page, noise()) }
        seal(page_make(0, 0x302), secret)
        seal(page_make(1, 6), noise(), inRunsOf: 64)
    }

    package func phase(_ phase: residency_phase, notModified: UInt64 = 0) {
        log.add(RESIDENCY_PHASE) { [plan] in
            residency_phase_change(
                record: $0, phase: phase, because: UInt32(RESIDENCY_RULES.rawValue),
                not_modified: notModified, first_not_modified: plan.frozenBase, write_backs: 0)
        }
    }

    func checkpoint() {
        log.add(RESIDENCY_CHECKPOINT) {
            residency_checkpoint(
                record: $0, frames: 100, unseen_bytes: 0, host_tables: 6, nested_tables: 3, nested_leaves: 9,
                public_frames: 96)
        }
    }

    package func write(
        _ bytes: [UInt8], at address: UInt64, access: access_kind = ACCESS_WRITE,
        mode: residency_mode = MODE_HOST, lasting instructions: UInt64 = 0
    ) {
        view.replaceSubrange(Int(address)..<Int(address) + bytes.count, with: bytes)
        log.write(bytes, at: address, access: access, mode: mode, lasting: instructions)
    }

    package func home(_ page: page_id) -> UInt64 { plan.home(page) }

    /// Seals as the hypervisor does, by its own code, and lets the tree describe it.
    @discardableResult
    package func seal(
        _ page: page_id, _ plaintext: [UInt8], counter given: UInt64? = nil, inRunsOf run: Int = pageBytes,
        isDescribed: Bool = true
    ) -> page_entry {
        counter += 1
        let (entry, ciphertext) = sealed(page, plaintext, counter: given ?? counter)
        for at in stride(from: 0, to: Self.pageBytes, by: run) {
            write(Array(ciphertext[at..<at + run]), at: home(page) + UInt64(at))
        }
        if isDescribed { describe(page, entry) }
        return entry
    }

    package func sealed(
        _ page: page_id, _ plaintext: [UInt8], counter: UInt64
    ) -> (page_entry, [UInt8]) {
        let (plain, home) = (PageFrame(), PageFrame())
        plain.set(plaintext)
        var entry = page_entry()
        let key = CipherKey(sessionKey)
        defer { withExtendedLifetime(key) {} }
        page_seal(
            key.expanded, page, PAGE_SEALED, counter, plain.memory.baseAddress,
            home.memory.baseAddress, &entry)
        return (entry, home.bytes)
    }

    package func describe(_ page: page_id, _ entry: page_entry) {
        let home = home(page)
        log.add(RESIDENCY_ENTRY) {
            residency_entry(record: $0, home: home, page: page, reserved: 0, entry: entry)
        }
    }

    /// As when the guest names the page without its C-bit, or with it again: the hypervisor erases what it shares.
    package func share(_ home: UInt64, _ isShared: Bool = true) {
        if isShared { write([UInt8](repeating: 0, count: Self.pageBytes), at: home) }
        log.add(RESIDENCY_SHARING) {
            residency_sharing(record: $0, home: home, is_shared: isShared ? 1 : 0)
        }
    }

    package func violate(
        _ rule: residency_rule, _ cacheRule: cache_rule = RULE_FILL, address: UInt64? = nil,
        mode: residency_mode = MODE_GUEST
    ) {
        let address = address ?? plan.frozenBase + 0x40
        log.add(RESIDENCY_VIOLATION) { record in
            var violation = residency_violation()
            (violation.record, violation.address, violation.rip) = (record, address, 0x10_0000)
            (violation.rule, violation.cache_rule, violation.mode) = (rule, cacheRule, mode)
            violation.page = page_make(0, 0x77)
            return violation
        }
        withUnsafeMutableBytes(of: &end.rule_violations) {
            $0.bindMemory(to: UInt64.self)[Int(rule.rawValue)] += 1
        }
    }

    // MARK: files

    /// Writes all files, and judges them.
    package func verdict(damage: (inout [UInt8]) -> Void = { _ in }) throws -> CacheVerdict {
        try write(damage: damage)
        var judge = try CacheJudge(CacheRecord(reading: folder.folder))
        return try judge.verdict()
    }

    package func write(damage: (inout [UInt8]) -> Void = { _ in }) throws {
        checkpoint()
        end.is_consistent = 1
        end.vm_entries = max(end.vm_entries, 1)
        log.add(RESIDENCY_END) { [end] in
            var end = end
            end.record = $0
            return end
        }
        var bytes = log.bytes
        damage(&bytes)
        try Data(bytes).write(to: folder.residencyLog)
        try Self.writeSparse(base, to: folder.dramBase)
        try Self.writeSparse(view, to: folder.dramFinal)
        try Data(region).write(to: folder.regionEnd)
        try Data(contentsOf: sample.file).write(to: folder.image)
        try Data(SampleELF().bytes).write(to: folder.symbols)
        inputs.imageHash = try RecordInputs.hash(of: folder.image)
        inputs.symbolsHash = try RecordInputs.hash(of: folder.symbols)
        try Data(JSON.text(inputs).utf8).write(to: folder.proof)
    }

    /// As the plugin does: what is zero takes no room.
    private static func writeSparse(_ bytes: [UInt8], to file: URL) throws {
        try Data().write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        try handle.truncate(atOffset: UInt64(bytes.count))
        let zero = [UInt8](repeating: 0, count: pageBytes)
        try bytes.withUnsafeBytes { bytes in
            for at in stride(from: 0, to: bytes.count, by: pageBytes) {
                let page = UnsafeRawBufferPointer(rebasing: bytes[at..<at + pageBytes])
                guard let start = page.baseAddress, memcmp(start, zero, pageBytes) != 0 else { continue }
                try handle.seek(toOffset: UInt64(at))
                try handle.write(contentsOf: Data(page))
            }
        }
        try handle.close()
    }
}

extension SampleImage {
    /// Ciphertext pages in the order of the runs.
    var imagePayload: [UInt8] {
        (try? BootImage(reading: file).payload()) ?? []
    }
}
