public import Foundation

/// One cache of the host's first CPU.
public struct CacheFacts: Codable, Sendable, Equatable {
    public var level: Int
    public var kind: String
    public var bytes: UInt64
    public var ways: Int
    public var lineBytes: Int

    /// All that Linux tells of; empty where it tells nothing.
    /// - Source: Linux, Documentation/ABI/testing/sysfs-devices-system-cpu.
    public static func all(
        below folder: URL = URL(filePath: "/sys/devices/system/cpu/cpu0/cache", directoryHint: .isDirectory)
    ) -> [CacheFacts] {
        (0..<16).compactMap { index in
            func text(_ name: String) -> String? {
                let file = folder.appending(path: "index\(index)/\(name)")
                return try? String(contentsOf: file, encoding: .utf8)
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            }
            guard let level = text("level").flatMap(Int.init), let kind = text("type"),
                let size = text("size"), let bytes = try? ByteCount(parsing: size)
            else { return nil }
            return CacheFacts(
                level: level, kind: kind.lowercased(), bytes: bytes.bytes,
                ways: text("ways_of_associativity").flatMap(Int.init) ?? 0,
                lineBytes: text("coherency_line_size").flatMap(Int.init) ?? 0)
        }
    }
}
