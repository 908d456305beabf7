package import Foundation

/// Where one of a child's three standard streams leads.
package enum ChildStream {
    case none
    /// Our own.
    case shared
    case file(URL)
    case pipe
}
