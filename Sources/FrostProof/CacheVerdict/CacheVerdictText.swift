import CacheModel
import FrostHost
import FrostSupport
import ResidencyRecord

/// The sentences that stand in every verdict.
enum CacheVerdictText {
    static func coverage(_ survey: RecordSurvey) -> [String] {
        let loads = survey.end?.loads ?? 0, stores = survey.end?.stores ?? 0
        let entries = survey.end?.vm_entries ?? 0
        return [
            """
            Callbacks: the cache model was fed \(loads) loads, \(stores) stores and every fetch of the run, and \
            logged \(survey.writes.of("write")) to DRAM and \(survey.reads.of("read")) from it.
            """,
            """
            Audits: page walks, accessed and dirty bits, event frames and control-block traffic have no \
            callbacks. The tables that they use were checked to lie in the frozen region: at \(survey.checkpoints) \
            checkpoints and at \(entries.of("entry", "entries")) of the guest where they had changed.
            """,
            """
            Comparison: \(survey.frames) frames of RAM were held against the view of DRAM; \(survey.unseenBytes) \
            bytes had changed without a reported access.
            """,
            """
            Instants: DRAM changes by logged writes only. All of it was searched as it was when the log begins, \
            and around each write; what is in none of these stood in DRAM at no time.
            """,
        ]
    }

    /// What the guest tried in vain.
    static func refused(_ survey: RecordSurvey) -> [String] {
        guard let end = survey.end, end.refused > 0 else { return [] }
        return [
            """
            \(end.refused.of("time")) the guest tried to write a control register or MSR, or to flush the caches, and \
            was refused with #GP: it was not at privilege level 0. QEMU's word for that was held against the \
            control block and registers \(end.privilege_checks.of("time")).
            """
        ]
    }

    static let limits = [
        "Silicon: replacement, prefetchers, write-combining buffers and slice hashes are not documented; the model "
            + "takes the careful reading (docs/design/cache-model.md).",
        "System Management Mode, power states and other cores are not modelled. Of devices is seen what they change, "
            + "but in slots; not what they read.",
        "Side channels and the pattern of page accesses are no part of the verdict.",
    ]
}

extension CacheVerdict.Model {
    init(_ header: residency_header) {
        preset = header.presetName
        vendor = header.vendor == UInt32(CACHE_AMD.rawValue) ? "AMD" : "Intel"
        (lineBytes, sets, ways, slices) = (header.line_bytes, header.sets, header.ways, header.slices)
        replacement = CacheChoice.name(header.geometry.replacement)
        seed = header.seed
        usableBytes = cache_usable_bytes(header.geometry)
        regionBytes = header.region_bytes
    }
}

extension CacheVerdict.Model: CustomStringConvertible {
    package var description: String {
        "\(preset ?? "free geometry") (\(vendor), \(sets) sets, \(ways) ways, \(lineBytes) bytes a line, "
            + "\(replacement)): a region may count on \(ByteCount(usableBytes)), this one has \(ByteCount(regionBytes))"
    }
}

extension CacheVerdict: CustomStringConvertible {
    package var description: String {
        (["verdict      \(headline)", "model        \(model)"]
            + reasons { $0.statement(sharing: shared != nil) })
            .joined(separator: "\n")
    }

    private var headline: String {
        switch answer {
        case .proven:
            "PROVEN: in this run neither plaintext nor a key reached DRAM"
                + (shared == nil ? "" : ", but what the guest shared")
        case .leaked:
            "LEAKED: \(findings.broken)"
        case .notProvable: "NOT PROVABLE HERE: nothing leaked that was seen, but this record proves nothing"
        }
    }
}
