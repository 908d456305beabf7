package import Foundation
package import FrostSupport

/// What a result says of each claim, and of which machine.
///
/// - Shape: JSON with the result itself in it; who reads a report judges that again.
package struct SiliconReport: Codable, Sendable, Equatable {
    package var format: String
    package var machine: SiliconMachine
    package var findings: [SiliconFinding]
    /// As the program wrote it, line by line.
    package var result: [String]

    package static let currentFormat = "frostvisor-silicon-1"
    private static let mostBytes = 1 << 20

    package init(_ result: SiliconResult) {
        format = Self.currentFormat
        self.result = result.text
        let machine = SiliconMachine(of: result)
        self.machine = machine
        findings = SiliconClaim.allCases.map { claim in
            let finding = SiliconJudge(result: result, machine: machine).finding(claim)
            guard let doubt = machine.doubt, finding.verdict != .notTested else { return finding }
            return SiliconFinding(claim, .notTested, "it proves nothing: \(doubt)")
        }
    }

    /// A published report. Nothing of it counts but the result in it.
    /// - Throws: ``Failure`` or ``SiliconResult/Failure``
    package init(reading file: URL) throws {
        struct Kept: Decodable {
            var format: String
            var result: [String]
        }
        let path = file.plainPath
        guard FileManager.default.fileExists(atPath: path) else { throw Failure.missing(path) }
        guard let handle = try? FileHandle(forReadingFrom: file),
            let data = try? handle.read(upToCount: Self.mostBytes + 1), data.count <= Self.mostBytes,
            let kept = try? JSON.decode(Kept.self, from: data), kept.format == Self.currentFormat
        else { throw Failure.foreign(path) }
        self.init(try SiliconResult([UInt8](kept.result.joined(separator: "\n").utf8), named: path))
    }

    /// A machine on which a claim fails is told from one that proves nothing.
    package var exitCode: ExitCode {
        if machine.doubt != nil { return .notProvable }
        return findings.contains { $0.verdict == .contradicted } ? .otherwise : .asAsked
    }

    /// Why the exit code is not 0.
    package var warnings: [String] {
        if let doubt = machine.doubt { return ["this result proves nothing: \(doubt)"] }
        return findings.filter { $0.verdict == .contradicted }.map {
            "contradicted: \($0.statement) \($0.reason)"
        }
    }

    package enum Failure: Explained, Equatable {
        case missing(String)
        case foreign(String)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .noSuchFile
            case .foreign: .badInput
            }
        }

        package var description: String {
            switch self {
            case .missing(let path): "There is no file \(path)."
            case .foreign(let path):
                "\(path) is no report of frost silicon --format json. Leave it out of the folder, or make it again."
            }
        }
    }
}

extension SiliconReport: CustomStringConvertible {
    package var description: String {
        let width = SiliconVerdict.allCases.map(\.rawValue.count).max() ?? 0
        func padded(_ text: String) -> String {
            text + String(repeating: " ", count: max(0, width + 2 - text.count))
        }
        let head = [
            padded("machine") + machine.description,
            padded("cache") + "\(ByteCount(machine.cacheBytes).rounded) by CPUID, regions of up to "
                + "\(ByteCount(machine.largestRegion).rounded) tried",
            machine.doubt.map { padded("PROVES NOTHING") + $0 },
        ]
        let rows = findings.map { finding in
            """
            \(padded(finding.verdict.rawValue))\(finding.statement) (\(finding.place))
            \(padded(""))\(finding.reason)
            """
        }
        return (head.compactMap(\.self) + [""] + rows).joined(separator: "\n")
    }
}
