import Foundation
import FrostFormat
import FrostMachine
import FrostMeasure
import FrostSupport

/// How long things took, a row of bars for each kind, over a logarithmic axis.
struct LatencyChart {
    private static let left = 118.0
    private static let right = 462.0
    private static let rowHeight = 36.0
    private static let binsPerOctave = 4.0
    /// Fewer samples have no shape.
    private static let fewest = 8

    let figure: Figure

    /// nil when too little was sampled.
    init?(_ trace: Trace, summary: TraceSummary, identifier: String) {
        var samples: [TraceCounter: [UInt64]] = [:]
        for record in trace.records {
            guard let counter = TraceCounter(record), counter.role != .note, record.cycles > 0 else {
                continue
            }
            samples[counter, default: []].append(record.cycles)
        }
        let kinds = TraceCounter.allCases.filter { samples[$0, default: []].count >= Self.fewest }
        let all = kinds.flatMap { samples[$0] ?? [] }
        guard let least = all.min(), let most = all.max() else { return nil }
        let octaves = Int(log2(Double(least)))...Int(log2(Double(most)) + 1)
        let bins = (octaves.upperBound - octaves.lowerBound) * Int(Self.binsPerOctave)
        let low = exp2(Double(octaves.lowerBound)), high = exp2(Double(octaves.upperBound))
        let x = Axis(scale: .logarithmic, low: low, high: high, from: Self.left, to: Self.right)

        var parts: [HTML] = []
        let base = Double(kinds.count) * Self.rowHeight + 12
        parts += Pen.columns(x, ticks: x.ticks(6), y: base, top: 10, \.tick)
        for (row, kind) in kinds.enumerated() {
            var counts = [Double](repeating: 0, count: bins)
            for ticks in samples[kind] ?? [] {
                let place = (log2(Double(ticks)) - Double(octaves.lowerBound)) * Self.binsPerOctave
                counts[min(bins - 1, max(0, Int(place)))] += 1
            }
            parts += Self.row(
                kind, counts, summary.timing(kind), x: x, bottom: Double(row + 1) * Self.rowHeight + 12)
        }
        let unit = summary.clock.unit.rawValue
        parts.append(Pen.text(Self.right, base + 32, "\(unit) each", "small", anchor: "end"))
        let rate = summary.clock.ticksPerSecond.map { ", \((1e6 / $0).scaled("s")) a million" } ?? ""
        figure = Figure(
            identifier: identifier, title: "How long each took",
            note: """
                Logarithmic, in \(unit)\(rate); each row has its own height. Marks: median (thick) and 99th percentile (thin). \
                Exits contain the pages that they open and seal.
                """,
            description: Self.words(kinds, summary), drawing: HTML(parts), height: base + 38,
            table: Self.table(kinds, summary))
    }

    private static func row(
        _ kind: TraceCounter, _ counts: [Double], _ spread: Percentiles?, x: Axis, bottom: Double
    ) -> [HTML] {
        let y = Axis(
            scale: .linear, low: 0, high: counts.max() ?? 1, from: bottom, to: bottom - rowHeight + 8)
        // Bins are equal on the logarithmic axis.
        let places = Axis(scale: .linear, low: 0, high: Double(counts.count), from: x.from, to: x.to)
        var parts: [HTML] = [
            Pen.text(left - 8, bottom - 14, kind.title, "label", anchor: "end"),
            Pen.text(left - 8, bottom - 2, "\((spread?.samples ?? 0).grouped)×", "small", anchor: "end"),
            "<path class=\"area \(kind.role == .exit ? "orange" : "blue")\" d=\"\(Pen.silhouette(counts, x: places, y: y))\"/>",
            Pen.base(left, right, bottom),
        ]
        if let spread {
            parts += [(spread.p50, "mark"), (spread.p99, "mark thin")].map { value, style in
                "<path class=\"\(style)\" d=\"M\(x.place(Double(value))) \(bottom)V\(bottom - rowHeight + 6)\"/>"
            }
        }
        return parts
    }

    private static func words(_ kinds: [TraceCounter], _ summary: TraceSummary) -> String {
        kinds.map { kind in
            let spread = summary.timing(kind)
            return
                "\(kind.title): median \(Double(spread?.p50 ?? 0).scaled()), 99 % below \(Double(spread?.p99 ?? 0).scaled())"
        }.joined(separator: "; ") + ", in \(summary.clock.unit.rawValue)."
    }

    private static func table(_ kinds: [TraceCounter], _ summary: TraceSummary) -> DataTable {
        let rows = kinds.compactMap { kind in
            summary.timing(kind).map { spread in
                [kind.title, spread.samples.grouped]
                    + [spread.p50, spread.p90, spread.p99, spread.max].map(\.grouped)
            }
        }
        return DataTable(
            "Sampled times, \(summary.clock.unit.rawValue)", ["what", "samples", "p50", "p90", "p99", "max"],
            rows)
    }
}

extension TraceCounter {
    /// For a reader of charts.
    var title: String {
        switch self {
        case .miss: "page miss"
        case .softMiss: "soft miss"
        case .deviceMiss: "device miss"
        case .absentMiss: "absent memory"
        case .openBlank: "blank page"
        case .openImaged: "open imaged"
        case .openSealed: "open sealed"
        case .seal: "seal"
        case .drop: "drop clean"
        case .metadataOpen: "open metadata"
        case .metadataBlank: "blank metadata"
        case .metadataSeal: "seal metadata"
        case .metadataDrop: "drop metadata"
        case .tableDrop: "drop nested table"
        case .exitCPUID: "CPUID"
        case .exitMSR: "MSR"
        case .exitCR: "control register"
        case .exitPort: "I/O port"
        case .exitCache: "WBINVD, INVD"
        case .exitDenied: "denied instruction"
        case .reinject: "event again"
        case .ahead: "page ahead"
        case .pciRefused: "PCI write refused"
        case .exitDevice: "APIC write"
        case .apicRefused: "APIC message refused"
        case .sharedMiss: "shared page"
        case .shared: "page shared"
        case .takenBack: "page taken back"
        case .portRefused: "I/O port refused"
        case .msrRefused: "MSR refused"
        }
    }
}
