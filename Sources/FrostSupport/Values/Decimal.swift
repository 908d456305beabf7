extension FixedWidthInteger {
    /// Without what stands after the point; the nearest there is where a number lies outside, 0 for one that is none.
    package init(saturating value: Double) {
        self = value.isNaN ? 0 : Self(exactly: value.rounded(.towardZero)) ?? (value < 0 ? .min : .max)
    }
}

extension Double {
    /// With that number of digits after the point, and a point whatever the locale.
    package func formatted(places: Int) -> String {
        let scale = (0..<places).reduce(1.0) { product, _ in product * 10 }
        let digits = String(Int64(saturating: (magnitude * scale).rounded()))
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let sign = self < 0 ? "-" : ""
        return places == 0 ? sign + padded : sign + padded.dropLast(places) + "." + padded.suffix(places)
    }
}

extension Double {
    private static let prefixes: [(factor: Double, name: String)] = [
        (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"),
    ]

    /// Three digits and a prefix: `12.3 M`; with a unit, `12.3 ms`.
    package func scaled(_ unit: String = "") -> String {
        guard self != 0 else { return unit.isEmpty ? "0" : "0 \(unit)" }
        let smallest = unit.isEmpty ? 4 : Self.prefixes.count - 1
        let chosen =
            Self.prefixes[...smallest].first { magnitude >= $0.factor * 0.9995 } ?? Self.prefixes[smallest]
        let number = self / chosen.factor
        let isWhole = chosen.factor == 1 && number == number.rounded()
        let places = isWhole ? 0 : number.magnitude >= 99.95 ? 0 : number.magnitude >= 9.995 ? 1 : 2
        let text = number.formatted(places: places)
        return chosen.name.isEmpty && unit.isEmpty ? text : "\(text) \(chosen.name)\(unit)"
    }

    /// Of an axis: without zeros after the point.
    package var tick: String {
        let words = scaled().split(separator: " ")
        var number = String(words[0])
        if number.contains(".") {
            while number.last == "0" { number.removeLast() }
            if number.last == "." { number.removeLast() }
        }
        return ([number] + words.dropFirst().map(String.init)).joined(separator: " ")
    }

    /// A part of one, as in `12.3 %`.
    package var percent: String { "\((self * 100).formatted(places: 1)) %" }
}

extension BinaryInteger {
    /// As in `65,536`.
    package var grouped: String {
        let digits = String(magnitude)
        let groups = stride(from: digits.count, to: 0, by: -3).map { end in
            digits.dropLast(digits.count - end).suffix(3)
        }
        return (self < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
    }

    /// As in `1 run` and `2 runs`.
    package func of(_ one: String, _ many: String? = nil) -> String {
        "\(self) \(self == 1 ? one : many ?? one + "s")"
    }

    /// As in `1 run` and `2,000 runs`.
    package func groupedOf(_ one: String, _ many: String? = nil) -> String {
        "\(grouped) \(self == 1 ? one : many ?? one + "s")"
    }
}
