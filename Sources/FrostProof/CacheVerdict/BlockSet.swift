import DRAMSearch
import FrostImage

/// Very many 16-byte blocks, looked up at every byte.
package final class BlockSet {
    private let set: OpaquePointer
    private var offsets = [UInt64](repeating: 0, count: room)
    /// As many as can begin in a page.
    private static let room = GuestMemory.pageBytes

    /// Nil when there is not enough memory.
    package init?(capacity: Int) {
        guard let set = block_set_create(max(capacity, 1)) else { return nil }
        self.set = set
    }

    deinit {
        block_set_destroy(set)
    }

    package var count: Int { block_set_count(set) }

    /// Those that say something; see `block_is_trivial`.
    package func add(_ bytes: UnsafeRawBufferPointer) {
        precondition(block_set_add_all(set, bytes.baseAddress, bytes.count), "the set was made too small")
    }

    @discardableResult
    package func remove(standingIn bytes: UnsafeRawBufferPointer) -> Int {
        block_set_remove_all(set, bytes.baseAddress, bytes.count)
    }

    /// Offsets of the first finds.
    package func finds(in bytes: UnsafeRawBufferPointer) -> [Int] {
        let count = block_set_find(set, bytes.baseAddress, bytes.count, &offsets, Self.room)
        return offsets.prefix(min(count, Self.room)).map { Int($0) }
    }

    /// Adds every block, and tells the offsets of those that were there: the first of them, and how many.
    func repeats(in bytes: UnsafeRawBufferPointer) -> (first: Int, count: Int)? {
        var isFull = false
        let count = block_set_find_repeats(
            set, bytes.baseAddress, bytes.count, Int(BLOCK_BYTES), &offsets, Self.room, &isFull)
        precondition(!isFull, "the set was made too small")
        return count == 0 ? nil : (Int(offsets[0]), count)
    }
}
