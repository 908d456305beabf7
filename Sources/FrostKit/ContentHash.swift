import FrostCore
import Foundation

/// SHA-256 of things fed one after another, by the core's own code.
struct ContentHash {
    private var state = sha256()

    init() {
        sha256_start(&state)
    }

    mutating func add(_ bytes: [UInt8]) {
        sha256_add(&state, bytes, bytes.count)
    }

    mutating func add(_ text: String) {
        add([UInt8](text.utf8) + [0])
    }

    /// A file's name and content.
    mutating func add(file: URL) throws {
        add(file.lastPathComponent)
        add([UInt8](try Data(contentsOf: file)))
    }

    consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_BYTES))
        sha256_finish(&state, &digest)
        return digest
    }

    static func of(_ parts: [UInt8]...) -> [UInt8] {
        var hash = ContentHash()
        parts.forEach { hash.add($0) }
        return hash.finish()
    }
}

extension [UInt8] {
    var hexadecimal: String {
        map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }
}
