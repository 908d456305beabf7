package import Foundation
import FrostCore
package import FrostSupport

/// Names and addresses of an ELF64 file's symbols.
///
/// - Source: System V ABI, "Symbol Table".
package struct SymbolTable: Sendable {
    /// Code that has a name, be it of C or of assembly.
    package struct Function: Sendable, Equatable {
        package var address: UInt64
        package var name: String

        package init(
            address: UInt64, name: String
        ) {
            (self.address, self.name) = (address, name)
        }
    }

    /// Where the hypervisor maps its region's first byte; as in `hypervisor/frostvisor.ld`.
    package static let hypervisorBase = UInt64(HYPERVISOR_BASE)

    private var addresses: [String: UInt64] = [:]
    /// By address, one at each.
    package private(set) var functions: [Function] = []

    /// st_info's type: none, as assembly's labels have, or function. A section's own symbol and the like are none of these.
    private static let codeTypes: Set<UInt8> = [0, 2]

    /// - Throws: ``Failure/unreadable(_:)``, or as ``ELF64``.
    package init(reading file: URL) throws {
        guard let data = try? Data(contentsOf: file) else { throw Failure.unreadable(file.plainPath) }
        let bytes = try ELF64([UInt8](data)).bytes
        guard let sections = Sections(bytes), let symbols = sections.symbols else {
            throw Failure.damaged(file.plainPath)
        }
        for symbol in symbols {
            addresses[symbol.name] = symbol.address
            if Self.codeTypes.contains(symbol.type) && !symbol.name.isEmpty {
                functions.append(Function(address: symbol.address, name: symbol.name))
            }
        }
        functions.sort { ($0.address, $0.name) < ($1.address, $1.name) }
        functions = functions.enumerated().filter { index, function in
            index == 0 || functions[index - 1].address != function.address
        }.map(\.element)
    }

    /// - Throws: ``Failure/noSymbol(_:)``
    package func address(_ name: String) throws(Failure) -> UInt64 {
        guard let address = addresses[name] else { throw .noSymbol(name) }
        return address
    }

    package enum Failure: Explained, Equatable {
        case unreadable(String)
        case damaged(String)
        case noSymbol(String)

        package var exitCode: ExitCode {
            switch self {
            case .unreadable: .noSuchFile
            case .damaged: .badInput
            case .noSymbol: .ourBug
            }
        }

        package var description: String {
            switch self {
            case .unreadable(let path): "The symbols in \(path) cannot be read. Make the image again."
            case .damaged(let path):
                "\(path) is damaged: its tables of symbols lie outside of it. Make the image again."
            case .noSymbol(let name):
                "The hypervisor has no symbol '\(name)'. Image and frost must come from the same sources."
            }
        }
    }
}

/// An ELF64 file's sections, by their table.
private struct Sections {
    typealias Symbol = (name: String, address: UInt64, type: UInt8)

    private let bytes: [UInt8]
    private let table: Range<Int>

    private static let headerBytes = 64
    private static let symbolTableKind: UInt32 = 2
    private static let symbolBytes = 24
    /// No name of ours has so many bytes; without a limit each symbol of a small file could have all of the file as name.
    private static let longestName = 4096

    /// nil: the table is not within the file.
    init?(_ bytes: [UInt8]) {
        self.bytes = bytes
        let count = UInt64(bytes.word(at: 60, UInt16.self))
        guard
            let table = Self.range(
                bytes.word(at: 40, UInt64.self), count * UInt64(Self.headerBytes), in: bytes)
        else { return nil }
        self.table = table
    }

    private static func range(_ start: UInt64, _ length: UInt64, in bytes: [UInt8]) -> Range<Int>? {
        guard start <= bytes.count, length <= UInt64(bytes.count) - start else { return nil }
        return Int(start)..<Int(start + length)
    }

    /// What a section holds; nil: it is not there, or not within the file.
    private func content(_ header: Int) -> Range<Int>? {
        guard table.contains(header), table.contains(header + Self.headerBytes - 1) else { return nil }
        return Self.range(
            bytes.word(at: header + 24, UInt64.self), bytes.word(at: header + 32, UInt64.self), in: bytes)
    }

    /// Of all tables of symbols; nil: one is damaged.
    var symbols: [Symbol]? {
        var symbols: [Symbol] = []
        for header in stride(from: table.lowerBound, to: table.upperBound, by: Self.headerBytes)
        where bytes.word(at: header + 4, UInt32.self) == Self.symbolTableKind {
            let link = Int(bytes.word(at: header + 40, UInt32.self))
            guard let entries = content(header), entries.count.isMultiple(of: Self.symbolBytes),
                let names = content(table.lowerBound + link * Self.headerBytes)
            else { return nil }
            for entry in stride(from: entries.lowerBound, to: entries.upperBound, by: Self.symbolBytes) {
                let start = Int(bytes.word(at: entry, UInt32.self))
                guard start < names.count else { return nil }
                let rest = bytes[names].dropFirst(start).prefix(Self.longestName)
                symbols.append(
                    (
                        name: String(decoding: rest.prefix { $0 != 0 }, as: UTF8.self),
                        address: bytes.word(at: entry + 8, UInt64.self), type: bytes[entry + 4] & 0xF
                    ))
            }
        }
        return symbols
    }
}
