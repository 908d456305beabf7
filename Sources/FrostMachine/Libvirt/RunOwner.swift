package import Foundation
import Glibc

/// The frost that made a domain or a volume of a libvirt, as its name tells.
///
/// The name tells whether the owner still runs, if that was on the same host.
///
/// - Shape: frost-HOST-PROCESS-START-MADE-RANDOM.
package struct RunOwner: Equatable {
    /// The boot of a host, and of its process numbers; hexadecimal.
    var host: String
    var process: pid_t
    /// Clock ticks after the host's boot: process numbers are used again.
    var start: UInt64
    /// Seconds since 1970 by the owner's clock.
    var made: UInt64
    private var random: String

    /// Ourselves, for a new thing.
    init() {
        host = Self.host
        process = getpid()
        start = Self.start(of: process) ?? 0
        made = UInt64(Date().timeIntervalSince1970)
        random = String(UInt32.random(in: 0...UInt32.max), radix: 16)
    }

    /// nil: no frost made it. An ending, such as .img, does not matter.
    package init?(of name: String) {
        let words = name.prefix { $0 != "." }.split(separator: "-", omittingEmptySubsequences: false)
        guard words.count == 6, words[0] == "frost", words[1].allSatisfy(\.isHexDigit),
            let process = pid_t(words[2]), process > 0, let start = UInt64(words[3]),
            let made = UInt64(words[4])
        else { return nil }
        (host, random) = (String(words[1]), String(words[5]))
        (self.process, self.start, self.made) = (process, start, made)
    }

    /// Whether a domain, or a file named for one, is a frost's, on whichever host.
    static func isAny(_ name: String) -> Bool { name.hasPrefix("frost-") }

    package var name: String { "frost-\(host)-\(process)-\(start)-\(made)-\(random)" }

    /// nil: it is another host's, and cannot be known here.
    package var isAlive: Bool? {
        guard host == Self.host else { return nil }
        return Self.start(of: process) == start
    }

    package func age(now: Date = Date()) -> Duration { .seconds(now.timeIntervalSince1970 - Double(made)) }

    /// - Source: proc(5): /proc/sys/kernel/random/boot_id; namespaces(7).
    private static let host: String = {
        let boot = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        let space = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
        let number = UInt64(space.filter(\.isNumber)) ?? 0
        return boot.filter(\.isHexDigit).prefix(12) + String(number, radix: 16)
    }()

    /// When a process was started; nil: there is none.
    ///
    /// - Source: proc(5), /proc/PID/stat, field 22. Field 2, a name, may hold anything but ends at the last bracket.
    private static func start(of process: pid_t) -> UInt64? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let rest = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[rest...].split(separator: " ")
        return fields.count > 20 ? UInt64(fields[20]) : nil
    }
}
