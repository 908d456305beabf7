/// A cell of a sweep, and what it is called.
package struct NamedCell: Sendable, Equatable {
    /// Made of what the file varies; a folder's name.
    package var name: String
    /// The same for all repetitions.
    package var base: String
    package var cell: SweepCell
}
