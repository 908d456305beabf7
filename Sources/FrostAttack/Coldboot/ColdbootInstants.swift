package import FrostSupport
import ResidencyRecord

/// When the attacker stops the machine.
package enum ColdbootInstants: Sendable, Equatable {
    /// A number of instructions since reset.
    case instant(UInt64)
    /// This many, each instruction of the run being as likely as any other.
    case random(Int)
    /// After everything.
    case end

    /// - Throws: ``Failure/notAnInstant(_:)``
    package init(parsing text: String) throws(Failure) {
        if text == "end" {
            self = .end
        } else if let instant = UInt64(text) {
            self = .instant(instant)
        } else if text.hasPrefix("random:"), let count = Int(text.dropFirst(7)), count > 0 {
            self = .random(count)
        } else {
            throw .notAnInstant(text)
        }
    }

    /// Ascending.
    /// - Parameter span: from the beginning of the log of writes to the end of the run
    /// - Throws: ``Failure/outside(_:span:)``
    func drawn(from span: ClosedRange<UInt64>, seed: UInt64) throws(Failure) -> [UInt64] {
        switch self {
        case .end: return [span.upperBound]
        case .instant(let instant):
            guard span.contains(instant) else { throw .outside(instant, span: span) }
            return [instant]
        case .random(let count):
            var random = SplitMix64(seed: seed)
            return (0..<count).map { _ in UInt64.random(in: span, using: &random) }.sorted()
        }
    }

    package enum Failure: Explained, Equatable {
        case notAnInstant(String)
        case outside(UInt64, span: ClosedRange<UInt64>)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .notAnInstant(let text):
                "'\(text)' is no instant. Write a number of instructions, random:N or end."
            case .outside(let instant, let span):
                """
                The run has no instant \(instant): the log of writes goes from \(span.lowerBound) to \
                \(span.upperBound). Choose one of these.
                """
            }
        }
    }
}
