import CacheModel
import Foundation
import FrostCore
import FrostFormat
import FrostHost
@testable import FrostImage
import FrostMachine
import FrostProof
import FrostSupport
import ResidencyRecord
import Testing

extension BootTests {
    /// The residency proof is worth what it catches: each fault is made on purpose, and must be named.
    @Suite("Fault injection") struct FaultInjection {
        @Test("Each fault is caught, by its rule, at its place", .timeLimit(.minutes(10)))
        func table() {
            CacheVerdictRow.judge(CacheVerdictRow.all)
        }

        // MARK: nothing is left out

        private static func text(_ rule: UnsafePointer<residency_rule_text>) -> (id: String, source: String) {
            (String(cString: rule.pointee.id), String(cString: rule.pointee.source))
        }

        /// Each rule of plugin and cache model, as verdicts name it, with its source.
        private static let rules: [(id: String, source: String)] =
            (1..<UInt32(RESIDENCY_RULES.rawValue)).map { text(residency_rule_text(residency_rule($0))) }
            + (0..<UInt8(RULE_COUNT.rawValue)).map {
                let rule = cache_rule_text(cache_rule($0)).pointee
                return ("cache-rule:\(String(cString: rule.id))", String(cString: rule.source))
            }

        /// Rows of docs/evidence/faults.md: rule, source, control, what is said.
        private static func documented() throws -> [[String]] {
            let file = try BootTests.tree().root.appending(path: "docs/evidence/faults.md")
            return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
                .filter { $0.hasPrefix("| `") }
                .map {
                    $0.dropFirst().dropLast().split(separator: "|")
                        .map { $0.trimmingCharacters(in: .whitespaces) }
                }
        }

        @Test("docs/evidence/faults.md has each rule, its source and a control, or why there is none")
        func documentation() throws {
            let rows = try Self.documented().filter { $0.count == 4 }
            let described = Dictionary(
                CacheVerdictRow.all.flatMap { row in row.rules.map { ($0, [row]) } }, uniquingKeysWith: +)
            for rule in Self.rules {
                let found = rows.filter { $0[0] == "`\(rule.id)`" }
                #expect(found.count == 1, "\(rule.id) has \(found.count) rows")
                guard let row = found.first else { continue }
                #expect(row[1] == rule.source, "\(rule.id)")
                if let known = described[rule.id] {
                    #expect(
                        known.contains {
                            row[2].contains($0.fault ?? $0.guest) || row[2].contains($0.preset)
                        },
                        "\(rule.id): \(row[2])")
                } else {
                    #expect(row[2].hasPrefix("none:"), "\(rule.id) has no control")
                }
            }
            let known = Set(Self.rules.map { "`\($0.id)`" }), told = Set(described.keys.map { "`\($0)`" })
            for row in rows { #expect(known.contains(row[0]) || told.contains(row[0]), "\(row[0])") }
            for rule in told { #expect(rows.contains { $0[0] == rule }, "\(rule)") }
        }

        @Test("Each fault is tried, and its file has the rules that must name it, and no other")
        func faults() throws {
            var rules: [String: Set<String>] = [:]
            for case let (fault?, named) in CacheVerdictRow.all.map({ ($0.fault, $0.rules) })
                + (DebuggerVerdictRow.all + DebuggerVerdictRow.others).map({ ($0.fault, $0.rules) })
            {
                rules[fault, default: []].formUnion(named)
            }
            let others =
                ["skip-tag-check", "keep-secrets", "unseen-smi", Fault.window, SessionKeys.fault]
                + [Endings.fault, ExitPath.fault, Platforms.switchFault]
                + Fuzz.faults + Refusals.faults + Guests.controls.map(\.fault)
                + Platforms.initRows.flatMap(\.faults) + Devices.faults + OtherCPUs.faults
                + Vectors.faults + Shared.faults + [FirmwareStarts.fault] + MeasuredLaunch.faults
                + ["build-time", "build-environment"]  // FrostImageTests.ReproducibleBuildTests
            for fault in others where rules[fault] == nil { rules[fault] = [] }
            let faults = try Fault.all(in: BootTests.tree())
            #expect(Set(faults.map(\.name)) == Set(rules.keys))
            for fault in faults {
                #expect(Set(fault.rules) == rules[fault.name], "\(fault.name)")
                #expect(fault.sentence.hasSuffix("."), "\(fault.name)")
                #expect(fault.name.utf8.count < MemoryLayout.size(ofValue: image_header().fault))
            }
        }
    }
}

extension CacheVerdictRow: VerdictRow {
    func sealed() throws -> Sealed {
        try sealed(isKeyEmbedded: hasEmbeddedKey) { symbols, image in
            guard guest == "images/hpet" else { return nil }
            func offset(_ symbol: String) throws -> UInt64 {
                try symbols.address(symbol) - SymbolTable.hypervisorBase
            }
            // The root is the first of the nested tables, the guest's first touch adds the others on the way.
            let directory = try image.header.frozen_base + offset(SYMBOL_IMAGE_END) + 2 * 4096
            let session = try offset("secrets") + UInt64(MemoryLayout<gcm_key>.size)
            return "directory=\(directory) region=\(image.header.frozen_base) session=\(session)"
        }
    }

    func verdict(of sealed: Sealed) throws -> CacheVerdict {
        let folder = sealed.scratch.file("proof")
        var options = try Self.options(sealed, record: folder)
        let iommu = iommu.flatMap { Board.IOMMU(rawValue: $0) } ?? (hasDevice ? .intel : .none)
        options.board = try Board(iommu: iommu, devices: hasDevice ? ["edu"] : [])
        var run = CacheRun(sealed.image, options: options, cache: try CacheChoice(preset: preset))
        run.canaries = sealed.recipe.facts.canaries ?? []
        // A fault that never stops leaking is told by its beginning.
        run.logLimit = 16 * .mebibyte
        _ = try run.record(with: Toolchain(tree: BootTests.tree()))
        var judge = try CacheJudge(CacheRecord(reading: folder))
        return try judge.verdict()
    }

    func failures(of verdict: CacheVerdict) -> [String] {
        guard verdict.answer == answer else {
            return ["the verdict is \(verdict.answer), not \(answer):\n\(verdict)"]
        }
        switch answer {
        case .proven: return []
        case .notProvable:
            return verdict.faults.contains { $0.contains(place) } ? [] : ["no fault says \(place)"]
        case .leaked: return missing(in: verdict.finding(condition), of: verdict)
        }
    }
}
