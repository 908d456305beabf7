/// What libvirt tells of the host that it runs on.
///
/// - Source: libvirt, "Driver capabilities XML format".
package struct HostCapabilities {
    let text: String

    // Made once: Swift parses a literal each time that it is come by. Nothing changes them.
    private nonisolated(unsafe) static let securityModel = #/<secmodel>\s*<model>([^<]*)<\/model>/#
    private nonisolated(unsafe) static let owner = #/<baselabel type='qemu'>\+(\d+):\+(\d+)<\/baselabel>/#
    private nonisolated(unsafe) static let ticks = #/<counter name='tsc' frequency='(\d+)'/#

    package init(text: String) {
        self.text = text
    }

    /// What it labels domains with.
    package var securityModels: [String] {
        text.matches(of: Self.securityModel).map { String($0.1) }
    }

    /// Whom QEMU runs as, where the daemon has a choice.
    package var emulatorOwner: (user: UInt32, group: UInt32)? {
        guard let found = text.firstMatch(of: Self.owner), let user = UInt32(found.1),
            let group = UInt32(found.2)
        else { return nil }
        return (user, group)
    }

    /// Of the CPU's time-stamp counter, where the host knows.
    package var ticksPerSecond: Double? {
        text.firstMatch(of: Self.ticks).flatMap { Double($0.1) }
    }
}
