import Foundation
import FrostSupport

/// A program that is a machine.
protocol Emulator {
    var program: Tool { get }
    var arguments: [String] { get }
    /// Called when it has ended, where it does not write its log itself.
    func writeLog(to file: URL) throws
    /// What of the words on its standard error somebody should read; empty: nothing.
    func complaints(in log: String) -> String
}

extension Emulator {
    func writeLog(to file: URL) throws {}

    /// As the shell would take it.
    package var commandLine: String {
        ([program.name] + arguments).map { argument in
            argument.contains(where: { " '\"\\$".contains($0) })
                ? "'" + argument.replacing("'", with: "'\\''") + "'" : argument
        }.joined(separator: " ")
    }
}
