/// What libvirt tells of the host that it runs on.
///
/// - Source: libvirt, "Driver capabilities XML format".
package struct HostCapabilities {
    let text: String

    package init(text: String) {
        self.text = text
    }

    /// What it labels domains with.
    package var securityModels: [String] {
        text.matches(of: #/<secmodel>\s*<model>([^<]*)<\/model>/#).map { String($0.1) }
    }

    /// Whom QEMU runs as, where the daemon has a choice.
    package var emulatorOwner: (user: UInt32, group: UInt32)? {
        guard let found = text.firstMatch(of: #/<baselabel type='qemu'>\+(\d+):\+(\d+)<\/baselabel>/#),
            let user = UInt32(found.1), let group = UInt32(found.2)
        else { return nil }
        return (user, group)
    }

    /// Of the CPU's time-stamp counter, where the host knows.
    package var ticksPerSecond: Double? {
        text.firstMatch(of: #/<counter name='tsc' frequency='(\d+)'/#).flatMap { Double($0.1) }
    }
}
