import FrostCore
import FrostFormat
import FrostProof
import FrostSupport

/// Says what became of a strike, from what the machine's memory and the trace show afterwards.
///
/// Nothing is assumed of a page that was not found: the first thing that happened to it since must be shown, and the
/// tree must agree.
struct AttackJudge {
    typealias Finding = (verdict: AttackOutcome.Verdict, reason: String)

    let strike: Strike
    private var uses: StrikeUses
    /// So many openings bring a guest that comes back to its pages in turn back to each: twice as many as it has pages.
    private let openingsForAll: Int

    init(strike: Strike) {
        self.strike = strike
        uses = StrikeUses(of: strike)
        openingsForAll = 2 * strike.guestPages
    }

    /// - Parameter records: all since the strike, those that were taken before among them.
    mutating func take(_ records: ArraySlice<TraceRecord>) {
        uses.take(records)
    }

    /// Why a page whose home was changed is not found, and need not be.
    enum Effect: String {
        case blank = "blank: its home is not read"
        case overwritten = "sealed again before it was opened"
        case resident = "in its slot ever since"
        case neverOpened = "never opened again: its home still fails its tag"
    }

    /// A page whose home was read with the attacker's bytes in it, and taken for genuine.
    var accepted: page_id? {
        strike.written.keys.sorted().first { page in
            uses[page].map { $0.kind == .open && !isBlank($0) } ?? false
        }
    }

    /// Whether nothing more can come of the strike: one page was accepted, or no home will be read as it is now,
    /// because each page was sealed anew, or became the guest's without its home.
    var isSettled: Bool {
        accepted != nil
            || strike.written.keys.allSatisfy { page in
                uses[page].map { $0.kind == .seal || isBlank($0) } ?? false
            }
    }

    /// Whether a guest that comes back to all of its pages has come back to those that were changed.
    var isBackEverywhere: Bool { uses.openings >= openingsForAll }

    private func isBlank(_ record: TraceRecord) -> Bool {
        record.kind == .open && record.detail == PAGE_BLANK.rawValue
    }

    /// The hypervisor stopped the guest.
    func panicked(at page: page_id) -> Finding {
        if let accepted { return (.missed, opened(accepted)) }
        guard strike.written[page] != nil else {
            return (.missed, "the panic names \(pageName(page)), which was not attacked")
        }
        return (.detected, "panic at \(page_level(page) == 0 ? "the page" : "the metadata page")")
    }

    /// The guest still runs.
    func survived(_ view: FrozenView) throws -> Finding {
        if let accepted { return (.missed, opened(accepted)) }
        if let frame = try view.passedThrough().first(where: { strike.frames[$0] != nil }) {
            return (.missed, "the guest reads the frame \(frame.hexadecimal) from DRAM")
        }
        let audit = try TreeAudit(view)
        if let page = audit.broken.first(where: { strike.written[$0] == nil }) {
            return (.missed, "\(pageName(page)) broke, which was not attacked")
        }
        var effects: [Effect] = []
        for page in strike.written.keys.sorted() {
            guard let effect = try effect(on: page, view, audit) else {
                return (
                    .missed,
                    isLeftOut(page)
                        ? "\(pageName(page)) is the firmware's, and was never taken into the pager"
                        : "\(pageName(page)) may have been used: no proof that it was not"
                )
            }
            effects.append(effect)
        }
        // A page never opened again says more than one that was overwritten.
        let order: [Effect] = [.neverOpened, .resident, .overwritten, .blank]
        return (.withoutEffect, order.first { effects.contains($0) }?.rawValue ?? "")
    }

    /// A page of the firmware's that the hypervisor never took from DRAM, where the guest then reads it.
    private func isLeftOut(_ page: page_id) -> Bool {
        let isBlank = strike.entries[page].map { $0.state == PAGE_BLANK.rawValue } ?? true
        return strike.adopted.contains(page) && isBlank && !strike.resident.contains(page)
    }

    /// nil when it cannot be proven that there was none.
    private func effect(
        on page: page_id, _ view: FrozenView, _ audit: TreeAudit
    ) throws -> Effect? {
        let before = strike.entries[page], after = audit.entries[page]
        if isLeftOut(page) { return nil }
        switch uses[page]?.kind {
        case .open:
            // Of any other state it would have been accepted.
            return before.map { $0.state == PAGE_BLANK.rawValue } ?? true ? .blank : nil
        case .seal:
            let isNewer = after.map { $0.state == PAGE_SEALED.rawValue && $0.counter > strike.counter }
            return isNewer == true && !audit.broken.contains(page) ? .overwritten : nil
        default:
            if view.slots[page] != nil { return strike.resident.contains(page) ? .resident : nil }
            let home = try view.read(view.plan.home(page), Int(PAGE_BYTES))
            return home == strike.written[page] ? unopened(page, before, after, audit) : nil
        }
    }

    /// Of a page without a slot that nothing happened to, and whose home holds what the attacker wrote.
    private func unopened(
        _ page: page_id, _ before: page_entry?, _ after: page_entry?, _ audit: TreeAudit
    ) -> Effect? {
        // No page below a broken one is reached by the audit.
        if after == nil && isBelow(audit.broken, page) { return .neverOpened }
        // Below a blank metadata page there are no entries, and all is blank.
        if before == nil { return after == nil || after?.state == PAGE_BLANK.rawValue ? .blank : nil }
        guard let before, let after, [UInt8](memoryOf: before) == [UInt8](memoryOf: after) else { return nil }
        if after.state == PAGE_BLANK.rawValue { return .blank }
        return audit.broken.contains(page) ? .neverOpened : nil
    }

    private func isBelow(_ broken: [page_id], _ page: page_id) -> Bool {
        broken.contains { other in
            let levels = Int(page_level(other)) - Int(page_level(page))
            return levels > 0 && (0..<levels).reduce(page) { above, _ in page_parent(above) } == other
        }
    }

    private func opened(_ page: page_id) -> String {
        "\(pageName(page)) was opened with the attacker's bytes"
    }
}
