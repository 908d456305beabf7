/// A case that stands for a number of a C enumeration: on disk, or on the wire.
package protocol NumberedCase: CaseIterable {
    var number: UInt32 { get }
}

extension NumberedCase {
    /// Nil for a number that stands for none.
    package init?(number: UInt32) {
        guard let found = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = found
    }
}
