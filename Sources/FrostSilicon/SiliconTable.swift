package import Foundation
package import FrostSupport

/// All published reports of a folder: a row a CPU, as Markdown.
package struct SiliconTable: Encodable, Sendable {
    package var reports: [SiliconReport]

    private static let marks: [SiliconVerdict: String] = [
        .measured: "yes", .contradicted: "**no**", .notTested: "-",
    ]

    /// - Throws: ``Failure``; as ``SiliconReport/init(reading:)``
    package init(reading folder: URL) throws {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder.plainPath) } catch {
            throw Failure.noFolder(folder.plainPath)
        }
        reports = try names.filter { $0.hasSuffix(".json") }.sorted()
            .map { try SiliconReport(reading: folder.appending(path: $0)) }
            .filter { $0.machine.doubt == nil }
    }

    package enum Failure: Explained, Equatable {
        case noFolder(String)

        package var exitCode: ExitCode { .noSuchFile }

        package var description: String {
            switch self {
            case .noFolder(let path): "There is no folder \(path). Give the one of published reports."
            }
        }
    }
}

extension SiliconTable: CustomStringConvertible {
    package var description: String {
        guard !reports.isEmpty else { return "No result from metal exists yet." }
        let claims = SiliconClaim.allCases.map(\.rawValue)
        let rows = reports.map { report in
            ["\(report.machine.description)".replacing("|", with: "/")]
                + report.findings.map { Self.marks[$0.verdict] ?? "?" }
        }
        let head = [["CPU"] + claims, Array(repeating: "---", count: claims.count + 1)]
        return (head + rows).map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }
}
