import CacheModel
import FrostSupport
import Testing

/// One set of a cache, written for the eye and not for speed.
protocol NaiveSet {
    init(ways: Int)
    /// The line that left, if one had to.
    mutating func use(_ line: UInt64) -> UInt64?
}

/// Lines from least to most recently used.
struct NaiveLRU: NaiveSet {
    let ways: Int
    var order: [UInt64] = []

    init(ways: Int) { self.ways = ways }

    mutating func use(_ line: UInt64) -> UInt64? {
        let held = order.contains(line)
        order.removeAll { $0 == line }
        order.append(line)
        return !held && order.count > ways ? order.removeFirst() : nil
    }
}

/// A binary tree of ways; each fork remembers the half that was used less recently.
struct NaiveTreePLRU: NaiveSet {
    indirect enum Tree {
        case way(Int)
        case fork(left: Tree, right: Tree, victimIsRight: Bool)

        init(_ ways: Range<Int>) {
            let middle = (ways.lowerBound + ways.upperBound) / 2
            self =
                ways.count == 1
                ? .way(ways.lowerBound)
                : .fork(
                    left: Tree(ways.lowerBound..<middle), right: Tree(middle..<ways.upperBound),
                    victimIsRight: false)
        }

        var victim: Int {
            switch self {
            case .way(let way): way
            case .fork(let left, let right, let victimIsRight): victimIsRight ? right.victim : left.victim
            }
        }

        func contains(_ way: Int) -> Bool {
            switch self {
            case .way(let mine): mine == way
            case .fork(let left, let right, _): left.contains(way) || right.contains(way)
            }
        }

        func used(_ way: Int) -> Tree {
            guard case .fork(let left, let right, _) = self else { return self }
            return left.contains(way)
                ? .fork(left: left.used(way), right: right, victimIsRight: true)
                : .fork(left: left, right: right.used(way), victimIsRight: false)
        }
    }

    var lines: [UInt64?]
    var tree: Tree

    init(ways: Int) {
        lines = Array(repeating: nil, count: ways)
        tree = Tree(0..<ways)
    }

    mutating func use(_ line: UInt64) -> UInt64? {
        let way = lines.firstIndex(of: line) ?? lines.firstIndex(of: nil) ?? tree.victim
        defer {
            lines[way] = line
            tree = tree.used(way)
        }
        return lines[way] == line ? nil : lines[way]
    }
}

@Suite struct ReplacementTests {
    @Test("True LRU replaces what a list in order of use replaces", arguments: [1, 2, 3, 4, 8, 11, 16])
    func lru(ways: Int) throws { try compare(NaiveLRU.self, CACHE_TRUE_LRU, ways: ways) }

    @Test("Tree-PLRU replaces what a tree of halves replaces", arguments: [1, 2, 4, 8, 16, 64])
    func plru(ways: Int) throws { try compare(NaiveTreePLRU.self, CACHE_TREE_PLRU, ways: ways) }

    func compare<Naive: NaiveSet>(_: Naive.Type, _ policy: cache_replacement, ways: Int) throws {
        let geometry = cache_geometry(
            line_bytes: 64, sets: 8, ways: UInt32(ways), slices: 1, index: CACHE_INDEX_PLAIN,
            replacement: policy)
        let cache = try #require(SimulatedCache(geometry))
        var sets = Array(repeating: Naive(ways: ways), count: 8)
        var random = SplitMix64(seed: 42)
        var evictions = 0
        for _ in 0..<10_000 {
            let line = random.below(UInt64(8 * ways * 2))
            let gone = sets[Int(line % 8)].use(line)
            cache.read(line * 64)
            let dropped = cache.takeEvents().filter { $0.kind == BUS_DROP }.map { $0.address / 64 }
            guard dropped == (gone.map { [$0] } ?? []) else {
                Issue.record(
                    "line \(line): the model dropped \(dropped), the reference \(String(describing: gone))")
                return
            }
            evictions += dropped.count
        }
        #expect(evictions > 1_000)
    }

    @Test("Random replacement repeats itself with its seed, differs with another, and uses every way")
    func random() throws {
        let geometry = cache_geometry(
            line_bytes: 64, sets: 1, ways: 8, slices: 1, index: CACHE_INDEX_PLAIN, replacement: CACHE_RANDOM)
        func log(seed: UInt64) throws -> [String] {
            let cache = try #require(SimulatedCache(geometry, seed: seed))
            for line in 0..<UInt64(200) { cache.read(line * 64) }
            return cache.takeLog()
        }
        #expect(try log(seed: 5) == log(seed: 5))
        #expect(try log(seed: 5) != log(seed: 6))

        // A line that is never used again leaves in the end, whichever way it has.
        let cache = try #require(SimulatedCache(geometry))
        for line in 0..<UInt64(1_000) { cache.read(line * 64) }
        for line in 0..<UInt64(900) { #expect(cache_line_state(cache.model, line * 64) == LINE_ABSENT) }
    }
}
