/// Which stretches of a run are traced access by access: around the freeze, the session key, the guest's first
/// entries, and pages that are sealed and opened.
///
/// - Units: instructions, as Bochs counts them; a repetition of a string instruction is one.
package struct AccessWindows: Sendable, Codable, Equatable {
    /// Windows that begin with a page's sealing or opening, in turns.
    package var pages = 6
    /// Between them nothing is traced.
    package var skipped = 300_000
    /// From the guest's first entry on: some pages are opened, and the guest runs between.
    package var launchInstructions = 150_000

    /// Keys are drawn and expanded, the dead stack is wiped.
    static let sessionInstructions = 30_000
    /// A page is sealed and one is opened, and then some of the guest.
    static let pageInstructions = 60_000
    /// The freeze ends where its function does; this is for one that does not.
    static let freezeInstructions = 50_000_000

    package static let pagesRange = 1...200

    package init(pages: Int = 6, launchInstructions: Int = 150_000) {
        (self.pages, self.launchInstructions) = (pages, launchInstructions)
    }
}
