/// Something to do while a machine runs. Called on the thread that runs it, between two looks at the machine.
package struct Hook {
    package enum Moment: Sendable {
        /// Again and again, from the start: so long after the one before has ended.
        case every(Duration)
        /// Once, when the guest's first instruction is next.
        case launch
        /// Once, when the console has said this.
        case console(String)
        /// Once, when the run is over but for QEMU's own end. The machine may be gone; its memory is still there.
        case end
    }

    package let moment: Moment
    package let action: (Machine) throws -> Void

    /// An error that `action` throws ends the run and comes out of it.
    package init(_ moment: Moment, _ action: @escaping (Machine) throws -> Void) {
        self.moment = moment
        self.action = action
    }
}
