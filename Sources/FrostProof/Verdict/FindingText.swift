import FrostSupport

extension [Finding] {
    var broken: String {
        let broken = count { $0.holds == false }
        return "\(broken) of \(count.of("condition")) \(broken == 1 ? "is" : "are") broken"
    }
}

extension Finding {
    /// - Parameter statement: what holds, or is broken.
    func lines(_ statement: String) -> [String] {
        let word =
            switch holds {
            case true: "holds        "
            case false: "BROKEN       "
            case nil: "not judged   "
            }
        var lines = [word + statement]
        if !figure.isEmpty { lines.append("             \(figure)") }
        guard violationCount > 0 else { return lines }
        lines.append(
            "             \(violationCount.of("violation"))\(violationCount > violations.count ? ", the first" : ""):"
        )
        return lines + violations.flatMap(\.lines)
    }
}

extension Violation {
    fileprivate var lines: [String] {
        var lines = ["           - \(rule): \(sentence)"]
        if let address {
            lines.append("             at \(address.hexadecimal), \(place ?? "unknown memory")")
        }
        if let instruction { lines.append("             by \(instruction)") }
        if let instant { lines.append("             at instruction \(instant)") }
        if let source { lines.append("             source: \(source)") }
        return lines
    }
}
