extension Double {
    /// With so many digits after the point, and a point whatever the locale.
    func formatted(places: Int) -> String {
        let scale = (0..<places).reduce(1.0) { product, _ in product * 10 }
        let digits = String(Int64((magnitude * scale).rounded()))
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let sign = self < 0 ? "-" : ""
        return places == 0 ? sign + padded : sign + padded.dropLast(places) + "." + padded.suffix(places)
    }
}
