import Foundation
import FrostSupport

/// A program that is a machine, and how it is started.
struct EmulatorCommand {
    let program: Tool
    let arguments: [String]

    /// As the shell would take it.
    var text: String {
        ([program.name] + arguments).map { argument in
            argument.contains(where: { " '\"\\$".contains($0) })
                ? "'" + argument.replacing("'", with: "'\\''") + "'" : argument
        }.joined(separator: " ")
    }

    /// Has the kernel kill the child when we die, where setpriv can ask for that.
    func bound() throws -> (program: URL, arguments: [String]) {
        let program = try program.locate()
        guard let setpriv = try? Tool.setpriv.locate() else { return (program, arguments) }
        return (setpriv, ["--pdeathsig", "KILL", program.plainPath] + arguments)
    }
}
