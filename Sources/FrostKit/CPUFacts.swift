import Foundation

/// The host's CPU: who made it, and what the cipher can use of it.
public struct CPUFacts: Codable, Sendable, Equatable {
    public var vendor: String
    public var model: String
    public var aes: Bool
    public var pclmul: Bool
    public var vaes: Bool
    public var rdseed: Bool

    public init() {
        let flags = Self.flags()
        vendor = Self.field("vendor_id") ?? "unknown"
        model = Self.field("model name") ?? "unknown"
        aes = flags.contains("aes")
        pclmul = flags.contains("pclmulqdq")
        vaes = flags.contains("vaes")
        rdseed = flags.contains("rdseed")
    }

    /// As Linux names them.
    static func flags() -> Set<String> {
        Set((field("flags") ?? "").split(separator: " ").map(String.init))
    }

    private static func field(_ name: String) -> String? {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == name {
                return parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        return nil
    }
}
