/// What replays of one record counted: `replay.json`, and what `frost replay` prints.
///
/// - Units: guest pages; metadata pages take slots, but are not counted.
public struct ReplayReport: Codable, Sendable, Equatable {
    public var workload: String
    /// What was replayed, in words.
    public var source: String
    public var distinctPages: Int
    public var touches: Int
    public var points: [Point]

    /// One size of the region. By name of ``ReplayPolicy``.
    public struct Point: Codable, Sendable, Equatable {
        public var slots: Int
        /// 0: not known, because slots were asked for.
        public var regionBytes: Int
        /// Touches of pages without a slot: exits.
        public var misses: [String: Int]
        /// Pages decrypted.
        public var opens: [String: Int]
        /// Pages sealed.
        public var writeBacks: [String: Int]
        /// Misses of Belady's optimum when metadata takes no slots: no demand pager has fewer.
        public var bound: Int

        public init(
            slots: Int, regionBytes: Int, misses: [String: Int] = [:], opens: [String: Int] = [:],
            writeBacks: [String: Int] = [:], bound: Int = 0
        ) {
            (self.slots, self.regionBytes, self.bound) = (slots, regionBytes, bound)
            (self.misses, self.opens, self.writeBacks) = (misses, opens, writeBacks)
        }
    }

    public init(workload: String, source: String, distinctPages: Int, touches: Int, points: [Point]) {
        (self.workload, self.source) = (workload, source)
        (self.distinctPages, self.touches, self.points) = (distinctPages, touches, points)
    }
}

extension ReplayReport: CustomStringConvertible {
    public var description: String {
        let head = "\(workload): \(touches.of("touch", "touches")) of \(distinctPages.of("page")), \(source)"
        return ([head] + points.map(table)).joined(separator: "\n\n")
    }

    private func table(_ point: Point) -> String {
        let optimum = point.misses[ReplayPolicy.optimum.rawValue]
        let rows = ReplayPolicy.allCases.compactMap { policy -> [String]? in
            let name = policy.rawValue
            guard let misses = point.misses[name] else { return nil }
            let ratio = optimum.map { (Double(misses) / Double(max($0, 1))).formatted(places: 3) } ?? ""
            return [
                name, "\(misses)", ratio, "\(point.opens[name] ?? 0)", "\(point.writeBacks[name] ?? 0)",
            ]
        }
        let size = point.regionBytes > 0 ? "\(ByteCount(UInt64(point.regionBytes)).rounded), " : ""
        return "\(size)\(point.slots) slots; no pager on demand has fewer than \(point.bound) misses\n"
            + TextTable(["policy", "misses", "of optimum", "opened", "sealed"], rows).description
    }
}
