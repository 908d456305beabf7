import AccessTrace
import Foundation
import FrostCore
import FrostFormat
import FrostMachine
import FrostSupport
import Glibc
import ResidencyRecord

/// A debugger's trace, read once from front to back.
final class AccessJudge {
    private let judge: OpaquePointer
    private let relay: Relay
    private let region: Range<UInt64>
    private let imageBytes: UInt64

    private static let chunkBytes = 1 << 20

    /// - Parameter explain: told each frame of DRAM that the hypervisor wrote to.
    /// - Throws: ``SymbolTable/Failure``, ``Failure``
    init(_ record: DebuggerRecord, map: MemoryMap, explain: @escaping (access_home) -> Void) throws {
        let symbols = record.symbols, base = SymbolTable.hypervisorBase
        region = map.region
        imageBytes = try symbols.address(SYMBOL_IMAGE_END) - base
        relay = Relay(explain)
        var settings = access_settings()
        settings.region = access_range(map.region)
        settings.ram_end = record.image.plan.ram.bytes
        settings.legacy = access_range(MemoryPlan.legacy)
        settings.hypervisor_base = base
        settings.text_bytes = try symbols.address(SYMBOL_TEXT_END) - base
        settings.image_bytes = imageBytes
        settings.freeze = try symbols.address(SYMBOL_FREEZE)
        settings.page_seal = try symbols.address(SYMBOL_SEAL)
        guard
            let judge = access_judge_make(
                &settings,
                { context, home in
                    guard let context, let home else { return }
                    Unmanaged<Relay>.fromOpaque(context).takeUnretainedValue().explain(home.pointee)
                }, Unmanaged.passUnretained(relay).toOpaque())
        else { throw Failure.noMemory }
        self.judge = judge
    }

    /// What C calls back.
    private final class Relay {
        let explain: (access_home) -> Void
        init(_ explain: @escaping (access_home) -> Void) { self.explain = explain }
    }

    deinit {
        access_judge_free(judge)
    }

    /// - Throws: ``CacheRecord/Failure/missing(_:)``
    func read(_ file: URL) throws(CacheRecord.Failure) {
        let descriptor = open(file.plainPath, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .missing(file.plainPath) }
        defer { close(descriptor) }
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunkBytes, alignment: 1)
        defer { chunk.deallocate() }
        while true {
            let count = Glibc.read(descriptor, chunk.baseAddress, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            access_judge_feed(judge, chunk.baseAddress, count)
        }
        access_judge_end(judge)
    }

    var totals: access_totals { access_judge_totals(judge).pointee }

    var violations: [access_violation] {
        var count = 0
        let first = access_judge_violations(judge, &count)
        return Array(UnsafeBufferPointer(start: first, count: count))
    }

    var windows: [access_window] {
        var count = 0
        let first = access_judge_windows(judge, &count)
        return Array(UnsafeBufferPointer(start: first, count: count))
    }

    /// Entries of the tree that were stored since an instant and could be a page's, by where a page's entry stands in
    /// the page above it.
    /// - Parameter root: offset in the region of the entry that has no page.
    func entries(of page: page_id, isTop: Bool, root: UInt64, since instant: UInt64) -> [page_entry] {
        let place = UInt64(page_entry_index(page)) * UInt64(MemoryLayout<page_entry>.size)
        let frames = stride(from: imageBytes, to: UInt64(region.count), by: Int(PAGE_BYTES))
        let offsets = isTop ? [root] : frames.map { $0 + place }
        return offsets.compactMap { offset in
            var entry = page_entry(), stored: UInt64 = 0
            guard access_judge_entry(judge, offset, &entry, &stored), stored >= instant,
                entry.state == PAGE_SEALED.rawValue
            else { return nil }
            return entry
        }
    }

    enum Failure: Explained, Equatable {
        case noMemory

        var exitCode: ExitCode { .inputOutput }
        var description: String { "There is not enough memory to judge this record." }
    }
}

extension access_range {
    fileprivate init(_ range: Range<UInt64>) {
        self.init(base: range.lowerBound, end: range.upperBound)
    }
}
