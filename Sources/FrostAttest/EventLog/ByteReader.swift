import Foundation
import FrostSupport

/// Takes a message apart, and never beyond its end.
struct ByteReader {
    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { at == bytes.count }

    /// Why a message is none.
    struct Problem: Error {
        let text: String

        init(_ text: String) { self.text = text }

        func during(_ part: String) -> Problem { Problem("\(part): \(text)") }
    }

    mutating func take(_ count: Int) throws(Problem) -> [UInt8] {
        guard count >= 0, count <= bytes.count - at else { throw Problem("it ends too early") }
        defer { at += count }
        return Array(bytes[at..<at + count])
    }

    mutating func little<Word: FixedWidthInteger>(_: Word.Type) throws(Problem) -> Word {
        try take(MemoryLayout<Word>.size).word(at: 0, Word.self)
    }

    mutating func big<Word: FixedWidthInteger>(_: Word.Type) throws(Problem) -> Word {
        Word(
            bigEndian: [UInt8](try take(MemoryLayout<Word>.size)).withUnsafeBytes {
                $0.loadUnaligned(as: Word.self)
            })
    }

    /// A TPM2B: two bytes say how long it is.
    mutating func sized() throws(Problem) -> [UInt8] { try take(Int(try big(UInt16.self))) }
}

/// A file that somebody else made, read up to a limit.
enum BoundedFile {
    static func bytes(of file: URL, most: Int) throws(Failure) -> [UInt8] {
        let path = file.plainPath
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .missing(path)
        }
        guard !isFolder.boolValue, let handle = try? FileHandle(forReadingFrom: file),
            let data = try? handle.read(upToCount: most + 1)
        else { throw .unreadable(path) }
        guard data.count <= most else { throw .tooLong(path, most: most) }
        return [UInt8](data)
    }

    enum Failure: Explained, Equatable {
        case missing(String)
        case unreadable(String)
        case tooLong(String, most: Int)

        var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .unreadable: .inputOutput
            case .tooLong: .badInput
            }
        }

        var description: String {
            switch self {
            case .missing(let path): "There is no file \(path). Check its name."
            case .unreadable(let path):
                "\(path) cannot be read. Check that it is a file, and its permissions."
            case .tooLong(let path, let most):
                "\(path) is longer than \(ByteCount(UInt64(most))), and not what it should be. Check its name."
            }
        }
    }
}
