import AccessTrace
import CacheModel
import FrostCore
import FrostFormat
@testable import FrostProof
import ResidencyRecord

/// A made-up trace of a machine with 16 MiB of RAM, whose frozen region has four pages: text, data, a table, a slot.
struct SampleTrace {
    static let region = UInt64(0xE00000)..<0xE04000
    static let base = SymbolTable.hypervisorBase
    static let freeze = base + 0x100, pageSeal = base + 0x200
    static let slot = region.lowerBound + 0x3000
    static let table = region.lowerBound + 0x2000
    /// A page's home.
    static let home: UInt64 = 0x200000

    private(set) var lines: [String] = []
    private var instant = 1000

    /// A freeze that is whole.
    static var frozen: SampleTrace {
        var trace = SampleTrace()
        trace.window(at: freeze) { trace in
            trace.host("lock add qword ptr ds:[rax], 0x0000000000000000")
            for line in stride(from: region.lowerBound, to: region.upperBound, by: 64) {
                trace.access("RW", line, bytes: 8)
                trace.access("WR", line, bytes: 8)
            }
        }
        return trace
    }

    mutating func window(at breakpoint: UInt64, _ body: (inout SampleTrace) -> Void) {
        let linear = String(breakpoint, radix: 16)
        lines += [
            "(0) Breakpoint 1, 0x\(linear) in ?? ()", "Next at t=\(instant)",
            "(0) [0x000000e00100] 0008:\(linear) (unk. ctxt): nop                       ; 90", "trace on",
            "Tracing enabled for CPU0", "trace-mem on", "Memory-Tracing enabled for CPU0", "s 60000",
        ]
        body(&self)
        lines += ["trace-mem off", "Memory-Tracing disabled for CPU0"]
    }

    /// An instruction of the hypervisor, at an offset in the region; its code has two bytes.
    mutating func host(_ text: String, at offset: UInt64 = 0x300, physical: UInt64? = nil) {
        instruction(text, linear: Self.base + offset, physical: physical ?? Self.region.lowerBound + offset)
    }

    /// An instruction of the guest, in the slot.
    mutating func guest(_ text: String, at linear: UInt64 = 0x400000, physical: UInt64 = slot) {
        instruction(text, linear: linear, physical: physical)
    }

    private mutating func instruction(_ text: String, linear: UInt64, physical: UInt64) {
        instant += 1
        lines.append(
            "(0).[\(instant)] [0x\(Self.digits(physical, 12))] 0008:\(Self.digits(linear, 16)) (unk. ctxt): "
                + "\(text) ; 6690")
    }

    /// The debugger cannot tell it.
    mutating func unavailableGuest() {
        instant += 1
        lines.append("(0).[\(instant)] ??? (physical address not available)")
    }

    mutating func access(
        _ kind: String, _ physical: UInt64, bytes: Int, type: String = "WB", value: UInt64 = 0,
        tag: String? = nil
    ) {
        let words = stride(from: bytes - 4, through: 0, by: -4).map {
            "0x" + Self.digits($0 < 8 ? value >> ($0 * 8) & 0xFFFF_FFFF : 0, 8)
        }
        lines.append(
            "[CPU0 \(kind)]: PHY 0x\(Self.digits(physical, 12)) (len=\(bytes), \(type)): "
                + words.joined(separator: " ") + (tag.map { "\t; \($0)" } ?? ""))
    }

    mutating func say(_ line: String) {
        lines.append(line)
    }

    private static func digits(_ value: UInt64, _ count: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }

    // MARK: judging

    struct Judged {
        var totals: access_totals
        var rules: Set<String>
        var violations: [access_violation]
        var windows: [access_window]
        var homes: [access_home]
        /// Of the first of them.
        var firstBytes: [UInt8]
    }

    /// - Parameter pieces: of how many bytes it is fed in.
    func judged(pieces: Int = .max) -> Judged? {
        var settings = access_settings()
        settings.region = access_range(base: Self.region.lowerBound, end: Self.region.upperBound)
        settings.ram_end = 16 << 20
        settings.legacy = access_range(
            base: MemoryPlan.legacy.lowerBound, end: MemoryPlan.legacy.upperBound)
        settings.hypervisor_base = Self.base
        (settings.text_bytes, settings.image_bytes) = (0x1000, 0x3000)
        (settings.freeze, settings.page_seal) = (Self.freeze, Self.pageSeal)
        let kept = Kept()
        guard
            let judge = access_judge_make(
                &settings,
                { context, home in
                    guard let context, let home else { return }
                    let kept = Unmanaged<Kept>.fromOpaque(context).takeUnretainedValue()
                    if kept.homes.isEmpty {
                        kept.firstBytes = Array(
                            UnsafeBufferPointer(start: home.pointee.bytes, count: Int(PAGE_BYTES)))
                    }
                    kept.homes.append(home.pointee)
                }, Unmanaged.passUnretained(kept).toOpaque())
        else { return nil }
        defer { access_judge_free(judge) }
        let text = Array(lines.joined(separator: "\n").utf8) + [UInt8(ascii: "\n")]
        for start in stride(from: 0, to: text.count, by: min(pieces, text.count)) {
            let piece = text[start..<min(text.count, start + min(pieces, text.count))]
            piece.withUnsafeBytes {
                access_judge_feed(judge, $0.bindMemory(to: CChar.self).baseAddress, $0.count)
            }
        }
        access_judge_end(judge)
        var count = 0
        let violations = Array(
            UnsafeBufferPointer(start: access_judge_violations(judge, &count), count: count))
        let windows = Array(UnsafeBufferPointer(start: access_judge_windows(judge, &count), count: count))
        return withExtendedLifetime(kept) {
            Judged(
                totals: access_judge_totals(judge).pointee,
                rules: Set(violations.map { RegionEvidence.text($0.rule, $0.cache_rule).id }),
                violations: violations,
                windows: windows, homes: kept.homes, firstBytes: kept.firstBytes)
        }
    }

    private final class Kept {
        var homes: [access_home] = []
        var firstBytes: [UInt8] = []
    }
}
