package import Foundation
import FrostCore
package import FrostSupport
import SiliconFormat

/// What the silicon image says of a machine, read from a serial line's log, or from photographs that somebody typed in.
///
/// - Source: `silicon/result/include/silicon.h`.
package struct SiliconResult: Sendable, Equatable {
    package let lines: [SiliconLine]
    /// As the program wrote it, from the first line to the last.
    package let text: [String]

    /// Said once all is.
    package static let done = SILICON_DONE

    /// A log of more is no log of this.
    private static let mostBytes = 4 << 20
    private static let sampleCount = 8

    /// - Throws: ``Failure``
    package init(reading file: URL) throws(Failure) {
        let path = file.plainPath
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .missing(path)
        }
        guard !isFolder.boolValue, let handle = try? FileHandle(forReadingFrom: file),
            let data = try? handle.read(upToCount: Self.mostBytes + 1)
        else { throw .unreadable(path) }
        guard data.count <= Self.mostBytes else { throw .foreign(path) }
        try self.init([UInt8](data), named: path)
    }

    /// - Parameter bytes: any text around the result is skipped.
    /// - Throws: ``Failure``
    package init(_ bytes: [UInt8], named path: String) throws(Failure) {
        let (block, end) = try Self.block(in: bytes, path)
        guard let end else { throw .cut(path, lines: block.rows.count, during: block.note) }
        var found: [Int: [String]] = [:], damaged: [Int] = []
        for row in block.rows {
            let index = Int(Self.number(row[0]) ?? 0)
            guard found[index] == nil else { throw .twice(path, index) }
            let text = row.dropLast().joined(separator: " ")
            if row.count < 4 || UInt64(Self.checksum(text) & 0xFFFF) != Self.number(row.last ?? "") {
                damaged.append(index)
            }
            found[index] = row
        }
        let lost = (0..<end.count).filter { found[$0] == nil }
        guard damaged.isEmpty, lost.isEmpty else {
            throw .damaged(path, Array((damaged + lost).sorted().prefix(Self.sampleCount)))
        }
        guard found.count == end.count, block.rows.map({ $0[0] }) == block.rows.map({ $0[0] }).sorted() else {
            throw .disordered(path)
        }
        let texts = block.rows.map { $0.dropLast().joined(separator: " ") }
        guard Self.checksum(texts.map { $0 + "\n" }.joined()) == end.checksum else { throw .sum(path) }

        var lines: [SiliconLine] = []
        for (index, row) in block.rows.enumerated() {
            guard let line = Self.line(Array(row.dropFirst().dropLast())) else { throw .unknown(path, index) }
            if let last = lines.last, last.row > line.row { throw .disordered(path) }
            lines.append(line)
        }
        if let reason = Self.flaw(of: lines) { throw .impossible(path, reason) }
        self.lines = lines
        text = [SILICON_BEGIN] + block.rows.map { $0.joined(separator: " ") } + [end.text]
    }

    package subscript(name: String) -> [SiliconLine] { lines.filter { $0.row.name == name } }

    /// The only line of a row that stands once.
    package func line(_ name: String) -> SiliconLine {
        guard let line = self[name].first else { preconditionFailure("no row \(name)") }
        return line
    }

    /// A result of these lines, numbers and checksums being added: as whoever forges one would.
    package static func forged(of rows: [String]) -> [String] {
        let texts = rows.enumerated().map { index, row in Self.digits(UInt32(index), 2) + " " + row }
        let sum = checksum(texts.map { $0 + "\n" }.joined())
        return [SILICON_BEGIN] + texts.map { $0 + " " + digits(checksum($0) & 0xFFFF, 4) }
            + ["\(SILICON_END)\(digits(UInt32(texts.count), 2)) \(digits(sum, 8)) =="]
    }

    fileprivate static func digits(_ number: UInt32, _ width: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    // MARK: text

    private struct Block {
        /// Lines that begin with two digits, in words.
        var rows: [[String]] = []
        /// The last thing that was said to be begun.
        var note: String?
    }

    private struct End {
        var count: Int
        var checksum: UInt32
        var text: String
    }

    private static func block(in bytes: [UInt8], _ path: String) throws(Failure) -> (Block, End?) {
        var block: Block?
        var end: End?
        for piece in bytes.split(whereSeparator: { $0 == 10 || $0 == 13 }) {
            let words = String(decoding: piece.prefix(4 * Int(SILICON_LINE_BYTES)), as: UTF8.self)
                .lowercased()
                .split(whereSeparator: \.isWhitespace).map(String.init)
            let text = words.joined(separator: " ")
            if text == SILICON_BEGIN {
                guard block == nil else { throw .several(path) }
                block = Block()
            }
            guard end == nil, block != nil else { continue }
            if text.hasPrefix(SILICON_END) {
                guard words.count == 5, words[4] == "==", words[2].count == 2, words[3].count == 8,
                    let count = number(words[2]), let checksum = number(words[3])
                else { throw .damagedEnd(path) }
                end = End(count: Int(count), checksum: UInt32(checksum), text: text)
            } else if words.first == "--", words.count > 1 {
                block?.note = words[1]
            } else if let first = words.first, first.utf8.count == 2, number(first) != nil,
                block?.rows.count ?? 0 < 256
            {
                block?.rows.append(words)
            }
        }
        guard let block else { throw .foreign(path) }
        return (block, end)
    }

    /// Digits alone: no sign.
    private static func number(_ word: String) -> UInt64? {
        word.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit } ? UInt64(word, radix: 16) : nil
    }

    private static func checksum(_ text: String) -> UInt32 {
        let bytes = Array(text.utf8)
        return crc32(0, bytes, bytes.count)
    }

    /// nil: no version of ours writes that.
    private static func line(_ words: [String]) -> SiliconLine? {
        guard words.count >= 2, let row = SiliconRow.all.first(where: { $0.name == words[0] }),
            let outcome = SiliconOutcome(rawValue: words[1])
        else { return nil }
        let values = words.dropFirst(2).compactMap(number)
        guard values.count == words.count - 2, values.count == row.valueCount(outcome) else { return nil }
        return SiliconLine(row: row, outcome: outcome, values: values)
    }

    /// What no run of the program gives, whatever the checksums say.
    private static func flaw(of lines: [SiliconLine]) -> String? {
        for row in SiliconRow.all {
            let count = lines.count { $0.row == row }
            if count > row.most { return "'\(row.name)' stands \(count) times" }
            if count == 0, row.most == 1 || row.name == "invd" { return "there is no '\(row.name)'" }
        }
        for line in lines {
            if let marks = line.marks, !marks.isSound {
                return "'\(line.row.name)' counts other lines than it has"
            }
            if line.row.isInventory, line.outcome != .ok, line.outcome != .absent {
                return "'\(line.row.name)' is told, not tried"
            }
            if line.outcome == .absent, line.row.lack == nil { return "'\(line.row.name)' is never absent" }
        }
        let sizes = lines.filter { $0.row.name == "invd" && $0.outcome == .ok }.map { $0["bytes"] }
        guard sizes == sizes.sorted(), Set(sizes).count == sizes.count else {
            return "the sizes of 'invd' do not grow"
        }
        return lines.contains { $0.row.name == "leaf" && $0["leaf"] == 1 } ? nil : "CPUID leaf 1 is not in it"
    }

    // MARK: failures

    package enum Failure: Explained, Equatable {
        case missing(String)
        case unreadable(String)
        case foreign(String)
        case several(String)
        case cut(String, lines: Int, during: String?)
        case twice(String, Int)
        case damaged(String, [Int])
        case damagedEnd(String)
        case disordered(String)
        case sum(String)
        case unknown(String, Int)
        case impossible(String, String)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            default: .badInput
            }
        }

        package var description: String {
            switch self {
            case .missing(let path):
                "There is no file \(path). Give what the silicon image said on the serial line."
            case .unreadable(let path): "\(path) is a folder or cannot be read. Give a file of text."
            case .foreign(let path):
                "\(path) holds no result of the silicon image: no line '\(SILICON_BEGIN)'. Give its log from the start."
            case .several(let path): "\(path) holds two results. Give one of them."
            case .cut(let path, let lines, let note):
                """
                \(path) is cut behind \(lines.of("line")): it has no end\(note.map { ", and '\($0)' was running" } ?? ""). \
                Give all of it, or run it again.
                """
            case .twice(let path, let index):
                "\(path) has line \(SiliconResult.digits(UInt32(index), 2)) twice. Take one of them out."
            case .damaged(let path, let indexes):
                """
                \(path) is damaged: \(indexes.count == 1 ? "line" : "lines") \
                \(indexes.map { SiliconResult.digits(UInt32($0), 2) }.joined(separator: ", ")) missing or misread. Compare with the screen.
                """
            case .damagedEnd(let path):
                "\(path) is damaged: its last line is misread. Compare with the screen."
            case .disordered(let path):
                "\(path) has its lines in another order than the program writes. Sort them."
            case .sum(let path):
                "\(path) is damaged or was changed: each line is right, and all together are not. Give the program's own."
            case .unknown(let path, let index):
                "\(path) has a line \(SiliconResult.digits(UInt32(index), 2)) that this frost does not know. Read it with the frost that made the image."
            case .impossible(let path, let reason):
                "\(path) is no result that the program writes: \(reason). Give its own."
            }
        }
    }
}
