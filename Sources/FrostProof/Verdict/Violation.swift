/// One thing that broke a condition.
package struct Violation: Codable, Sendable, Equatable {
    /// Lower case, dashes; never changes once published.
    package var rule: String
    /// What happened, in a sentence.
    package var sentence: String
    /// Instructions since reset.
    package var instant: UInt64?
    /// Host-physical.
    package var address: UInt64?
    /// What lies there.
    package var place: String?
    /// Who did it: an instruction of the guest, or a line of the hypervisor's source.
    package var instruction: String?
    /// Where the rule comes from.
    package var source: String?
}
