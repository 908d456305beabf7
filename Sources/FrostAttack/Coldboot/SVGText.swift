/// A line of text in an SVG.
///
/// - Units: points
struct SVGText: CustomStringConvertible {
    static let quiet = "#4a5568"
    static let good = "#276749"

    private let position: (x: Int, y: Int)
    private let text: String
    private let size: Int
    private let weight, anchor, fill: String

    init(
        _ x: Int, _ y: Int, _ text: String, size: Int, weight: String = "normal", anchor: String = "start",
        fill: String = "#1a202c"
    ) {
        (position, self.text, self.size) = ((x, y), text, size)
        (self.weight, self.anchor, self.fill) = (weight, anchor, fill)
    }

    var description: String {
        let safe = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        return """
            <text x="\(position.x)" y="\(position.y)" font-size="\(size)" font-weight="\(weight)" \
            text-anchor="\(anchor)" fill="\(fill)">\(safe)</text>
            """
    }
}
