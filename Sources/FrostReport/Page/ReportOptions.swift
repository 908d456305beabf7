package import Foundation
package import FrostMeasure

/// What a report shows beside its runs.
package struct ReportOptions: Sendable {
    /// Of `frost bench`, to be charted.
    package var benchmark: CipherBenchmark?
    /// Draw the DRAM of runs that were recorded with the residency plugin.
    package var drawsDRAM = true
    package var date = Date()

    package init() {}
}
