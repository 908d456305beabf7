import Foundation
import FrostFormat
import FrostCore
import FrostMachine
import FrostSupport
import ResidencyRecord

/// Says what addresses mean: whose memory, whose instruction.
package final class Explainer {
    let map: MemoryMap
    private let symbols: URL
    private var known: [String: String] = [:]

    /// - Parameter symbols: the hypervisor's ELF file.
    init(map: MemoryMap, symbols: URL) {
        (self.map, self.symbols) = (map, symbols)
    }

    /// - Parameter page: what the slot at the address holds, where that is known.
    func place(_ address: UInt64, page: page_id? = nil) -> String {
        guard case .region(let offset) = map.place(of: address) else { return map.describe(address) }
        if let page { return "the frozen region, slot of \(MemoryMap.describe(page))" }
        guard let symbol = symbol(at: SymbolTable.hypervisorBase + offset) else { return "the frozen region" }
        return "the frozen region, "
            + (symbol == Self.end ? "a nested table or a slot" : "\(symbol) of the hypervisor")
    }

    /// The linker's name for where the hypervisor's own memory ends.
    private static let end = SYMBOL_IMAGE_END

    /// What begins at or before a linear address of the hypervisor's.
    private func symbol(at linear: UInt64) -> String? {
        symbolized("DATA \(linear.hexadecimal)")?.first
    }

    /// The hypervisor's function that begins at a linear address.
    func function(_ linear: UInt64) -> String {
        symbol(at: linear) ?? linear.hexadecimal
    }

    func instruction(_ rip: UInt64, _ mode: residency_mode) -> String? {
        guard rip != UInt64.max else { return nil }
        switch mode {
        case MODE_GUEST: return "the guest at \(rip.hexadecimal)"
        case MODE_HOST:
            guard rip >= SymbolTable.hypervisorBase else { return "firmware or loader at \(rip.hexadecimal)" }
            guard let lines = symbolized(rip.hexadecimal), lines.count >= 2 else {
                // Assembly has names, but no lines.
                let name = symbol(at: rip).flatMap { $0 == Self.end ? nil : $0 } ?? "the hypervisor"
                return "\(name) at \(rip.hexadecimal)"
            }
            return "\(lines[0]) in \(Self.shortened(lines[1])) (\(rip.hexadecimal))"
        default: return nil
        }
    }

    /// Without the folder that it was built in.
    private static func shortened(_ line: String) -> Substring {
        line.range(of: "/./").map { line[$0.upperBound...] } ?? line[...]
    }

    /// Function or object, then source line; nil when that cannot be told.
    private func symbolized(_ query: String) -> [String]? {
        if known[query] == nil {
            let arguments = ["--obj=\(symbols.plainPath)", "--functions=short", "--no-inlines", query]
            let said = (try? Tool.symbolizer.run(arguments, for: "name an address")) ?? []
            known[query] = String(decoding: said, as: UTF8.self)
        }
        let lines = (known[query] ?? "").split(separator: "\n").map(String.init)
        return lines.isEmpty || lines[0] == "??" ? nil : lines
    }
}
