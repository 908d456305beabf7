import Foundation

/// QEMU's messages, put together from whatever pieces its socket gives.
///
/// - Shape: JSON objects, a line each; what is none is passed over.
package struct QMPMessages {
    private var lines: [UInt8] = []
    /// Up to here there is no end of a line.
    private var searched = 0

    /// QEMU's longest answers, lists of all properties of a machine, have less than 1 MiB.
    package static let longestLine = 16 << 20

    package init() {}

    /// - Throws: ``QMP/Failure/endless`` when a line does not end.
    package mutating func feed(_ bytes: [UInt8]) throws(QMP.Failure) {
        lines += bytes
        guard lines.count <= Self.longestLine else { throw .endless }
    }

    /// The next whole message; nil: more is to come.
    package mutating func next() -> [String: Any]? {
        while let end = lines[searched...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = Data(lines[..<end])
            lines.removeFirst(end + 1)
            searched = 0
            if let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] { return object }
        }
        searched = lines.count
        return nil
    }
}
