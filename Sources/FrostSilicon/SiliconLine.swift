import FrostSupport
import SiliconFormat

/// How an experiment of the silicon image ended.
package enum SiliconOutcome: String, Codable, Sendable, CaseIterable {
    case ok
    /// By an exception: vector, error code, address of the instruction.
    case fault
    /// By the watchdog.
    case hung
    /// The machine does not offer what it needs.
    case absent
    /// The image has no such experiment yet.
    case unbuilt

    var number: UInt32 {
        switch self {
        case .ok: SILICON_OK.rawValue
        case .fault: SILICON_FAULT.rawValue
        case .hung: SILICON_HUNG.rawValue
        case .absent: SILICON_ABSENT.rawValue
        case .unbuilt: SILICON_UNBUILT.rawValue
        }
    }
}

/// A kind of line: a row of the table in `silicon/result/silicon.c`.
package struct SiliconRow: Sendable, Equatable, Comparable {
    package let number: UInt32
    package let name: String
    package let fields: [String]
    /// So many of it may stand in a result.
    package let most: UInt32
    /// What is done.
    package let about: String
    /// Why it was not done.
    package let lack: String?

    package static let all: [SiliconRow] = (0..<SILICON_ROWS.rawValue).compactMap { number in
        silicon_line(number).map { line in
            SiliconRow(
                number: number, name: String(cString: line.pointee.name),
                fields: String(cString: line.pointee.fields).split(separator: " ").map(String.init),
                most: line.pointee.most, about: String(cString: line.pointee.about),
                lack: line.pointee.lack.map { String(cString: $0) })
        }
    }

    /// What the machine is; all others are experiments, and may fail.
    var isInventory: Bool { number < ROW_GUARD_FAULT.rawValue }

    package static func < (one: SiliconRow, other: SiliconRow) -> Bool { one.number < other.number }

    func valueCount(_ outcome: SiliconOutcome) -> Int {
        Int(silicon_value_count(silicon_line(number), outcome.number))
    }
}

/// A line of a result.
package struct SiliconLine: Sendable, Equatable {
    package let row: SiliconRow
    package let outcome: SiliconOutcome
    package let values: [UInt64]

    /// Of an experiment that ended well; a field that it has not is a bug.
    package subscript(field: String) -> UInt64 {
        guard let place = row.fields.firstIndex(of: field), place < values.count else {
            preconditionFailure("\(row.name) has no \(field)")
        }
        return values[place]
    }

    /// nil when it ended well.
    package var failure: String? {
        switch outcome {
        case .ok: nil
        case .fault:
            "\(row.name): exception \(values[0]), error code \(values[1].hexadecimal), at \(values[2].hexadecimal)"
        case .hung: "\(row.name): the watchdog ended it"
        case .absent: "\(row.name): \(row.lack ?? "not offered")"
        case .unbuilt: "\(row.name): no such experiment yet, it \(row.lack ?? "is to come")"
        }
    }

    /// What became of its markers; nil: it has none, or did not end well.
    package var marks: Marks? {
        guard outcome == .ok, row.fields.suffix(4) == ["lines", "kept", "written", "other"] else {
            return nil
        }
        let four = values.suffix(4).map(\.self)
        return Marks(lines: four[0], kept: four[1], written: four[2], other: four[3])
    }

    /// Of so many lines DRAM had, once the caches were dropped, what was in it before the freeze, what only the cache
    /// should have had, or neither.
    package struct Marks: Sendable, Equatable {
        package let lines, kept, written, other: UInt64

        var isSound: Bool {
            kept <= lines && written <= lines - kept && other == lines - kept - written && lines > 0
        }

        package var words: String {
            "of \(lines.of("line")) DRAM kept \(kept), \(written) were written back, \(other) became something else"
        }
    }
}
