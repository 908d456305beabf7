import Foundation

/// What Linux's kernel complains about, told by its level: messages of level 4 (warning) and more urgent ones, from a
/// console that shows levels (`console_msg_format=syslog` on the kernel's command line).
enum KernelComplaints {
    /// - Parameter console: a guest's serial line.
    /// - Returns: texts without level and time, in order; nil when no line has a level.
    /// - Source: Linux, Documentation/admin-guide/kernel-parameters.txt, `console_msg_format`, `loglevel`.
    static func texts(in console: String) -> [String]? {
        var seen = false
        var texts: [String] = []
        for line in console.split(whereSeparator: \.isNewline) {
            // The line begins with what SeaBIOS or the kernel's own clearing of the screen left.
            guard let match = line.firstMatch(of: #/<(\d{1,3})>\[ *\d+\.\d+\] (.*)/#),
                let priority = Int(match.1)
            else { continue }
            seen = true
            // The kernel's own messages have facility 0; the last one, "reboot:", is of level 0 and no complaint.
            guard priority <= 4, !match.2.hasPrefix("reboot: ") else { continue }
            texts.append(String(match.2))
        }
        return seen ? texts : nil
    }
}
