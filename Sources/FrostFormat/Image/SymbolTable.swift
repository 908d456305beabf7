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

    private static let symbolTableKind: UInt32 = 2
    private static let symbolBytes = 24
    /// st_info's type: none, as assembly's labels have, or function. A section's own symbol and the like are none of these.
    private static let codeTypes: Set<UInt8> = [0, 2]

    /// - Throws: ``Failure/unreadable(_:)``, or as ``ELF64``.
    package init(reading file: URL) throws {
        guard let data = try? Data(contentsOf: file) else { throw Failure.unreadable(file.plainPath) }
        let bytes = try ELF64([UInt8](data)).bytes
        let sections = Int(bytes.word(at: 40, UInt64.self)), count = Int(bytes.word(at: 60, UInt16.self))
        for section in (0..<count).map({ sections + 64 * $0 })
        where bytes.word(at: section + 4, UInt32.self) == Self.symbolTableKind {
            let link = Int(bytes.word(at: section + 40, UInt32.self))
            let names = Int(bytes.word(at: sections + 64 * link + 24, UInt64.self))
            let start = Int(bytes.word(at: section + 24, UInt64.self))
            let length = Int(bytes.word(at: section + 32, UInt64.self))
            for symbol in stride(from: start, to: start + length, by: Self.symbolBytes) {
                let name = names + Int(bytes.word(at: symbol, UInt32.self))
                let text = String(decoding: bytes[name...].prefix { $0 != 0 }, as: UTF8.self)
                addresses[text] = bytes.word(at: symbol + 8, UInt64.self)
                if Self.codeTypes.contains(bytes[symbol + 4] & 0xF) && !text.isEmpty {
                    functions.append(Function(address: bytes.word(at: symbol + 8, UInt64.self), name: text))
                }
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
        case noSymbol(String)

        package var exitCode: ExitCode {
            switch self {
            case .unreadable: .noSuchFile
            case .noSymbol: .ourBug
            }
        }

        package var description: String {
            switch self {
            case .unreadable(let path): "The symbols in \(path) cannot be read. Make the image again."
            case .noSymbol(let name):
                "The hypervisor has no symbol '\(name)'. Image and frost must come from the same sources."
            }
        }
    }
}
