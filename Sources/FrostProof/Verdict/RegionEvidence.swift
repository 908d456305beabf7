import CacheModel
import FrostSupport
import ResidencyRecord

/// What the cache model and the audits of tables say, without a look at any byte.
struct RegionEvidence {
    private(set) var frozen = Evidence(.frozenRegion)
    private(set) var writes = Evidence(.accountedWrites)
    private(set) var fetches = Evidence(.noFetch)

    private let survey: RecordSurvey
    private let explainer: Explainer

    init(_ survey: RecordSurvey, explainer: Explainer) {
        self.survey = survey
        self.explainer = explainer
        judgePhases()
        for violation in survey.violations { add(violation) }
        addUnlisted()
        for fetch in survey.hostFetches { add(fetch) }
        fetches.count(survey.hostFetchCount - survey.hostFetches.count)
        frozen.figures = [
            "\((writeBacks(PHASE_FROZEN) + writeBacks(PHASE_OPEN)).of("write-back")) of the region after the freeze",
            "\(writeBacks(PHASE_FILL)) while it was filled",
            "\(writeBacks(PHASE_BOOT)) while the machine booted (the hypervisor's file, which is public)",
        ]
        fetches.figures = [
            "\(survey.hostFetchCount.of("fetch", "fetches")) from DRAM",
            "\(survey.hostTables.of("page table")) of the hypervisor, and \(survey.nestedTables) nested, audited",
        ]
    }

    func writeBacks(_ phase: residency_phase) -> UInt64 {
        guard let end = survey.end else { return 0 }
        return withUnsafeBytes(of: end.phase_write_backs) {
            $0.bindMemory(to: UInt64.self)[Int(phase.rawValue)]
        }
    }

    // MARK: phases

    /// Boot, fill, frozen: in this order and no other.
    private mutating func judgePhases() {
        let order = survey.phases.map(\.phase)
        if order != [PHASE_FILL, PHASE_FROZEN] {
            let names = order.map(Self.name).joined(separator: ", ")
            let words = order.isEmpty ? "It was never filled." : "After boot came: \(names)."
            frozen.add("phase-order", "The region was not filled and then frozen. \(words)")
        }
        for change in survey.phases where change.phase == PHASE_FROZEN && change.not_modified > 0 {
            frozen.add(
                "never-frozen", times: Int(clamping: change.not_modified),
                "\(change.not_modified) lines of the region were not held modified when it froze."
            ) {
                $0.instant = change.record.instant
                $0.address = change.first_not_modified
                $0.place = explainer.place(change.first_not_modified)
            }
        }
        let early = writeBacks(PHASE_FILL)
        if early > 0 {
            frozen.add(
                "write-back-while-filling", times: Int(clamping: early),
                "Lines of the region were written back while it was being filled: it does not fit.")
        }
    }

    private static func name(_ phase: residency_phase) -> String {
        switch phase {
        case PHASE_BOOT: "boot"
        case PHASE_FILL: "fill"
        case PHASE_FROZEN: "frozen"
        case PHASE_OPEN: "open (secrets came first)"
        default: "unknown phase \(phase.rawValue)"
        }
    }

    // MARK: violations

    private static let ofWrites: Set<UInt32> = [
        RESIDENCY_HOST_STORE.rawValue, RESIDENCY_CONTROL_BLOCK.rawValue, RESIDENCY_NESTED_MAPPING.rawValue,
        RESIDENCY_SHARED_UNASKED.rawValue, RESIDENCY_SHARED_NOT_ZEROED.rawValue,
    ]
    private static let ofFetches: Set<UInt32> = [
        RESIDENCY_HOST_FETCH.rawValue, RESIDENCY_HOST_TABLE.rawValue, RESIDENCY_NESTED_TABLE.rawValue,
        RESIDENCY_DESCRIPTOR_TABLE.rawValue,
    ]

    /// The condition that a rule belongs to.
    static func condition(of rule: residency_rule) -> Condition {
        if ofWrites.contains(rule.rawValue) { return .accountedWrites }
        return ofFetches.contains(rule.rawValue) ? .noFetch : .frozenRegion
    }

    private mutating func add(
        _ rule: residency_rule, _ id: String, _ sentence: String,
        complete: (inout Violation) -> Void
    ) {
        switch Self.condition(of: rule) {
        case .accountedWrites: writes.add(id, sentence, complete: complete)
        case .noFetch: fetches.add(id, sentence, complete: complete)
        default: frozen.add(id, sentence, complete: complete)
        }
    }

    private mutating func add(_ recorded: residency_violation) {
        let (id, sentence, source) = Self.text(recorded.rule, recorded.cache_rule)
        add(recorded.rule, id, sentence) { [explainer] violation in
            violation.instant = recorded.record.instant
            violation.source = source
            if recorded.address != UInt64.max {
                violation.address = recorded.address
                let page = recorded.page == PAGE_NONE ? nil : recorded.page
                violation.place = explainer.place(recorded.address, page: page)
            }
            violation.instruction = explainer.instruction(recorded.rip, recorded.mode)
        }
    }

    /// The record keeps the first of them only, and counts all.
    private mutating func addUnlisted() {
        guard let end = survey.end else { return }
        let counts = withUnsafeBytes(of: end.rule_violations) { Array($0.bindMemory(to: UInt64.self)) }
        for (number, count) in counts.enumerated() {
            let rule = residency_rule(UInt32(number))
            let listed = survey.violations.count { $0.rule == rule }
            guard count > UInt64(listed) else { continue }
            let rest = Int(clamping: count) - listed
            switch Self.condition(of: rule) {
            case .accountedWrites: writes.count(rest)
            case .noFetch: fetches.count(rest)
            default: frozen.count(rest)
            }
        }
    }

    /// Its name, what it says, and where it comes from.
    static func text(
        _ number: residency_rule, _ cacheRule: cache_rule
    ) -> (id: String, sentence: String, source: String) {
        let general = residency_rule_text(number).pointee
        guard number == RESIDENCY_CACHE_RULE else {
            return (
                String(cString: general.id), String(cString: general.sentence),
                String(cString: general.source)
            )
        }
        let rule = cache_rule_text(cacheRule).pointee
        return (
            "\(String(cString: general.id)):\(String(cString: rule.id))",
            "\(String(cString: general.sentence)) \(String(cString: rule.sentence))",
            String(cString: rule.source)
        )
    }

    private mutating func add(_ fetch: residency_transfer) {
        fetches.add("fetch-from-dram", "The hypervisor's instructions were fetched from DRAM.") {
            $0.instant = fetch.record.instant
            $0.address = fetch.address
            $0.place = explainer.place(fetch.address)
            $0.instruction = explainer.instruction(fetch.rip, fetch.mode)
        }
    }
}
