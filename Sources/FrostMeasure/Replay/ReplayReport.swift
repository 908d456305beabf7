import FrostSupport

/// What replays of one record counted: `replay.json`, and what `frost replay` prints.
///
/// - Units: guest pages; metadata pages take slots, but are not counted.
package struct ReplayReport: Codable, Sendable, Equatable {
    package var workload: String
    /// What was replayed, in words.
    package var source: String
    package var distinctPages: Int
    package var touches: Int
    package var points: [Point]

    /// One size of the region. By name of ``ReplayPolicy``.
    package struct Point: Codable, Sendable, Equatable {
        package var slots: Int
        /// 0: not known, because slots were asked for.
        package var regionBytes: Int
        /// Touches of pages without a slot: exits.
        package var misses: [String: Int]
        /// Pages decrypted.
        package var opens: [String: Int]
        /// Pages sealed.
        package var writeBacks: [String: Int]
        /// Misses of Belady's optimum when metadata takes no slots: no demand pager has fewer.
        package var bound: Int

        package init(
            slots: Int, regionBytes: Int, misses: [String: Int] = [:], opens: [String: Int] = [:],
            writeBacks: [String: Int] = [:], bound: Int = 0
        ) {
            (self.slots, self.regionBytes, self.bound) = (slots, regionBytes, bound)
            (self.misses, self.opens, self.writeBacks) = (misses, opens, writeBacks)
        }
    }

    package init(workload: String, source: String, distinctPages: Int, touches: Int, points: [Point]) {
        (self.workload, self.source) = (workload, source)
        (self.distinctPages, self.touches, self.points) = (distinctPages, touches, points)
    }
}

extension ReplayReport: CustomStringConvertible {
    package var description: String {
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
