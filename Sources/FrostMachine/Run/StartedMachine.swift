/// A machine that a backend has started, as ``RunJob/watch(_:_:)`` needs it.
struct StartedMachine {
    let machine: Machine
    /// The console, to be read.
    let output: Int32
    /// What a hand would type for the same machine.
    let commandLine: String
    let ending: MachineEnding
    /// What of the emulator's log a user should read; empty: nothing.
    let messages: (_ log: String) -> String
    /// Called at each look at the machine.
    var attend: () -> Void = {}
    /// Called when it has ended; what a user should know of what was kept, a sentence each.
    var conclude: () throws -> [String] = { [] }
}
