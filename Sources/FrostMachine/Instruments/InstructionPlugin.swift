import Foundation
import FrostCore
package import FrostFormat

/// The QEMU plugin that counts the hypervisor's instructions, exit by exit; see `Sources/InstructionPlugin`.
package struct InstructionPlugin: Sendable {
    private let library: URL
    private let functions: [SymbolTable.Function]

    /// - Throws: ``PluginLibrary/Failure``, ``SymbolTable/Failure``
    package init(symbols: SymbolTable) throws {
        library = try PluginLibrary.instructions.locate()
        let end = try symbols.address(SYMBOL_TEXT_END)
        functions =
            symbols.functions.filter { (SymbolTable.hypervisorBase..<end).contains($0.address) }
            + [SymbolTable.Function(address: end, name: SYMBOL_TEXT_END)]
    }

    /// As QEMU takes it after -plugin. Writes what the plugin reads.
    func argument(_ folder: RunFolder) throws -> String {
        let lines = functions.map { "\(String($0.address, radix: 16)) \($0.name)\n" }
        try Data(lines.joined().utf8).write(to: folder.functions)
        return [
            "file=\(QEMU.quoted(library))",
            "functions=\(QEMU.quoted(folder.functions))",
            "record=\(QEMU.quoted(folder.instructions))",
        ].joined(separator: ",")
    }
}
