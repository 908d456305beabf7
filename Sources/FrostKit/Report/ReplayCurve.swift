/// A run's page misses had it had other regions and policies: `replay.json`.
public struct ReplayCurve: Codable, Sendable, Equatable {
    public struct Point: Codable, Sendable, Equatable {
        public var slots: Int
        public var regionBytes: Int
        /// By name of the policy; "optimum" is Belady's.
        public var misses: [String: Int]
        public var writeBacks: [String: Int]?
    }

    public var workload: String
    public var source: String
    public var distinctPages: Int
    public var touches: Int
    public var points: [Point]

    static let optimum = "optimum"
}
