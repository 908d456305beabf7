package import Foundation

extension FileHandle {
    /// nil: it ends before, or cannot be read there.
    package func bytes(at offset: UInt64, count: Int) -> [UInt8]? {
        guard (try? seek(toOffset: offset)) != nil else { return nil }
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let data = try? read(upToCount: count - bytes.count), !data.isEmpty else { return nil }
            bytes += data
        }
        return bytes
    }
}
