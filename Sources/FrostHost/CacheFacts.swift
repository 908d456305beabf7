import FrostSupport

/// One cache of the host's first CPU.
package struct CacheFacts: Codable, Sendable, Equatable {
    package var level: Int
    package var kind: String
    package var bytes: UInt64
    package var ways: Int
    package var lineBytes: Int
    /// Of all slices together; 0: not told.
    package var sets: Int
    /// The CPUs that share it, as Linux lists them: `0-7,16-23`.
    package var sharedBy: String

    /// All that Linux tells of; empty where it tells nothing.
    /// - Source: Linux, Documentation/ABI/testing/sysfs-devices-system-cpu.
    static func all(_ sources: HostSources) -> [CacheFacts] {
        (0..<16).compactMap { index in
            func text(_ name: String) -> String? {
                sources.line("/sys/devices/system/cpu/cpu0/cache/index\(index)/\(name)")
            }
            func number(_ name: String) -> Int { text(name).flatMap { Int($0) } ?? 0 }
            guard let level = text("level").flatMap({ Int($0) }), let kind = text("type"),
                let size = text("size"), let bytes = try? ByteCount(parsing: size)
            else { return nil }
            return CacheFacts(
                level: level, kind: kind.lowercased(), bytes: bytes.bytes,
                ways: number("ways_of_associativity"), lineBytes: number("coherency_line_size"),
                sets: number("number_of_sets"), sharedBy: text("shared_cpu_list") ?? "")
        }
    }
}

extension CacheFacts: CustomStringConvertible {
    package var description: String {
        let shared = sharedBy.contains { "-,".contains($0) } ? "shared by CPUs \(sharedBy)" : "of one CPU"
        return
            "L\(level) \(kind): \(ByteCount(bytes)), \(ways) ways, \(sets) sets, lines of \(lineBytes), \(shared)"
    }
}
