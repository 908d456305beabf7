import Foundation
import FrostSupport

/// One side of a drawing: where a value lies.
struct Axis {
    enum Scale {
        case linear
        case logarithmic
    }

    let scale: Scale
    /// Values at the ends.
    let low: Double
    let high: Double
    /// Places of the ends, in units of the drawing.
    let from: Double
    let to: Double

    /// Ends at a round number above the highest value.
    static func linear(upTo top: Double, from: Double, to: Double, ticks: Int = 3) -> Axis {
        let step = Self.step(top, ticks)
        let high = max(step, (top / step * 0.999999).rounded(.up) * step)
        return Axis(scale: .linear, low: 0, high: high, from: from, to: to)
    }

    func place(_ value: Double) -> Double {
        let part =
            scale == .linear
            ? (value - low) / (high - low) : log(max(value, low) / low) / log(high / low)
        return from + min(1, max(0, part)) * (to - from)
    }

    /// Round numbers, about this many.
    func ticks(_ count: Int = 3) -> [Double] {
        switch scale {
        case .linear:
            let step = Self.step(high - low, count)
            return (0...Int((high - low) / step + 1e-9)).map { low + Double($0) * step }
        case .logarithmic:
            let decades = Int(log10(low).rounded(.up))...max(Int(log10(low).rounded(.up)), Int(log10(high)))
            let every = max(1, (decades.count + count - 1) / max(1, count))
            let powers = decades.filter { ($0 - decades.lowerBound).isMultiple(of: every) }.map {
                pow(10, Double($0))
            }
            guard decades.count < 3 else { return powers.filter { $0 <= high } }
            return (decades.lowerBound - 1...decades.upperBound).flatMap { decade in
                [1, 2, 5].map { $0 * pow(10, Double(decade)) }
            }.filter { $0 >= low && $0 <= high }
        }
    }

    /// 1, 2 or 5 times a power of ten.
    private static func step(_ range: Double, _ count: Int) -> Double {
        guard range > 0 else { return 1 }
        let rough = range / Double(count)
        let power = pow(10, log10(rough).rounded(.down))
        let digit = [1.0, 2, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10
        return digit * power
    }
}

/// Parts that all charts are drawn of.
enum Pen {
    /// Lines across at each tick of a vertical axis, and what they mean.
    static func rows(_ axis: Axis, left: Double, right: Double, ticks: Int = 3, _ label: (Double) -> String)
        -> [HTML]
    {
        axis.ticks(ticks).map { tick in
            let y = axis.place(tick)
            return """
                <path class="grid" d="M\(left) \(y)H\(right)"/>\
                <text class="small" x="\(left - 6)" y="\(y + 3.5)" text-anchor="end">\(label(tick))</text>
                """
        }
    }

    /// Marks below a horizontal axis.
    static func columns(
        _ axis: Axis, ticks: [Double], y: Double, top: Double? = nil, _ label: (Double) -> String
    ) -> [HTML] {
        ticks.map { tick in
            let x = axis.place(tick)
            let line: HTML = top.map { "<path class=\"grid\" d=\"M\(x) \($0)V\(y)\"/>" } ?? ""
            return """
                \(line)<path class="axis" d="M\(x) \(y)v4"/>\
                <text class="small" x="\(x)" y="\(y + 16)" text-anchor="middle">\(label(tick))</text>
                """
        }
    }

    static func base(_ left: Double, _ right: Double, _ y: Double) -> HTML {
        "<path class=\"axis\" d=\"M\(left) \(y)H\(right)\"/>"
    }

    static func text(_ x: Double, _ y: Double, _ text: String, _ style: String = "", anchor: String = "start")
        -> HTML
    {
        "<text class=\"\(style)\" x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\">\(text)</text>"
    }

    /// Bins of equal width as a silhouette.
    static func silhouette(_ values: [Double], x: Axis, y: Axis) -> String {
        var path = "M\(x.from.formatted(places: 1)) \(y.from.formatted(places: 1))"
        for (bin, value) in values.enumerated() {
            let top = y.place(value).formatted(places: 1)
            path +=
                "V\(top)H\(x.place(x.low + Double(bin + 1) * (x.high - x.low) / Double(values.count)).formatted(places: 1))"
        }
        return path + "V\(y.from.formatted(places: 1))Z"
    }

    static func line(_ points: [(Double, Double)]) -> String {
        points.enumerated().map { index, point in
            "\(index == 0 ? "M" : "L")\(point.0.formatted(places: 1)) \(point.1.formatted(places: 1))"
        }.joined()
    }
}
