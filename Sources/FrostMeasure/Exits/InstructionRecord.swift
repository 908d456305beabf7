import Foundation
package import FrostFormat
package import FrostSupport

/// What the plugin counted in a run: a row for each exit, from the exit to the next entry.
///
/// - Source: `Sources/InstructionPlugin/plugin.c`.
package struct InstructionRecord: Sendable {
    /// Of the hypervisor, by address. Two may have one name: they are of different files.
    package let functions: [String]
    /// Of each exit: instructions by function, and, behind those, steps of repeated string instructions.
    package let rows: [ArraySlice<UInt32>]

    /// - Throws: ``Failure`` when the folder holds no such record.
    package init(reading folder: RunFolder) throws {
        // Foundation's Data(contentsOf:) leaves 4 KiB behind for each file that is empty.
        guard let names = try? FileHandle(forReadingFrom: folder.functions).readToEnd() ?? Data(),
            let data = try? FileHandle(forReadingFrom: folder.instructions).readToEnd() ?? Data()
        else { throw Failure.missing(folder.folder.plainPath) }
        let functions = String(decoding: names, as: UTF8.self).split(separator: "\n").dropLast().map {
            String($0.split(separator: " ").last ?? "")
        }
        let width = functions.count + 1
        let words = data.withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) }
        guard width > 1, !words.isEmpty, words.count % width == 0 else {
            throw Failure.damaged(folder.instructions.plainPath)
        }
        self.functions = functions
        // The first is what came before the guest.
        rows = stride(from: width, to: words.count, by: width).map { words[$0..<$0 + width] }
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case damaged(String)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .damaged: .badInput
            }
        }

        package var description: String {
            switch self {
            case .missing(let path):
                """
                \(path) holds no count of instructions. Record a run with frost run IMAGE --count-instructions \
                --record DIR.
                """
            case .damaged(let path):
                "\(path) is damaged: it holds no whole rows. Record the run again."
            }
        }
    }
}
