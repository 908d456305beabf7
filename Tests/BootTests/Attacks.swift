@testable import FrostAttack
import FrostCore
import FrostFormat
import FrostImage
@testable import FrostMachine
@testable import FrostProof
import FrostSupport
import Testing

extension BootTests {
    /// `frost attack`: what it reports of a sound hypervisor, and of one with a fault.
    @Suite("Attacks") struct Attacks {
        static let seed: UInt64 = 20_261_124

        private func campaign(_ kinds: [AttackKind], count: Int) -> AttackCampaign {
            var campaign = AttackCampaign()
            (campaign.kinds, campaign.count, campaign.seed, campaign.jobs) = (kinds, count, Self.seed, 2)
            campaign.after = "revisit: ready"
            return campaign
        }

        @Test(
            "Every kind of attack is detected, without effect by proof, or leaves nothing in DRAM",
            .timeLimit(.minutes(60)))
        func usual() throws {
            let sealed = try Sealed("revisit") { $0.traceEvery = 1 }
            let kinds = AttackKind.allCases, each = BootTests.isFull ? 91 : 2
            let report = try campaign(kinds, count: each * kinds.count).run(
                on: sealed.image, in: BootTests.tree())
            let story = Comment(rawValue: report.description)
            #expect(report.exitCode == .asAsked, story)
            #expect(report.attacks.count == each * kinds.count)
            #expect(Set(report.attacks.map(\.kind)) == Set(kinds))
            #expect(report.secretsSeen > 0, "the guest held no marker: the search proves little")
            #expect(report.count(.missed) == 0 && report.count(.notDone) == 0, story)
            // Which ones meet a page that is dead or dirty is a matter of the instant.
            #expect(report.count(.detected) >= (BootTests.isFull ? 300 : 5), story)
            #expect(report.count(.held) == 5 * each, story)
        }

        /// A fault that is put into the hypervisor, and what the report must then say.
        @Test(
            "A hypervisor with a fault misses attacks, and the report says why", .timeLimit(.minutes(3)),
            arguments: [
                ("skip-tag-check", "was opened with the attacker's bytes"),
                ("keep-secrets", "stands in memory"),
            ])
        func control(name: String, reason: String) throws {
            let sealed = try Sealed("revisit", faults: [name]) { $0.traceEvery = 1 }
            let report = try campaign([.flip, .swap, .replay, .rollback], count: 6)
                .run(on: sealed.image, in: BootTests.tree())
            let story = Comment(rawValue: report.description)
            #expect(report.exitCode == .otherwise, story)
            #expect(report.count(.missed) >= 2 && report.count(.detected) == 0, story)
            #expect(report.attacks.contains { $0.verdict == .missed && $0.reason.contains(reason) }, story)
        }

        @Test(
            "Whether a change had an effect is proven page by page, and not assumed", .timeLimit(.minutes(2)))
        func effects() throws {
            var judged: [String: AttackJudge.Finding] = [:]
            let sealed = try Sealed("revisit") { $0.traceEvery = 1 }
            let result = try sealed.run { options in
                options.hooks = [
                    Hook.watch(every: .milliseconds(50)) { machine in
                        guard judged.isEmpty, machine.consoleText.contains("revisit: ready") else { return }
                        try machine.pauseInGuest()
                        let view = try FrozenView(machine), audit = try TreeAudit(view)
                        let resident = view.slots.keys.filter {
                            audit.entries[$0]?.state == PAGE_SEALED.rawValue
                        }.min()
                        let guestPages = page_id(0x100)..<page_id(machine.image.plan.metaBase / 4096)
                        let blank = guestPages.first {
                            audit.entries[$0]?.state == PAGE_BLANK.rawValue && view.slots[$0] == nil
                        }
                        // The guest has only begun: pages of each kind come with time.
                        guard audit.sealedPages.first != nil, resident != nil, blank != nil else {
                            return try machine.resume()
                        }
                        func judge(_ name: String, _ page: page_id?, puttingBack isBack: Bool = false) throws
                        {
                            let page = try #require(page), address = audit.home(page)
                            let before = try machine.home(address)
                            let strike = try Strike([page: before.map { $0 ^ 1 }], on: machine, view)
                            if isBack { try machine.ram.write(before, at: address) }
                            let records = try strike.position.records(of: machine, view)
                            judged[name] = try AttackJudge(strike: strike).survived(records, view)
                            try machine.ram.write(before, at: address)
                        }
                        try judge("sealed", audit.sealedPages.first)
                        try judge("put back", audit.sealedPages.first, puttingBack: true)
                        try judge("resident", resident)
                        try judge("blank", blank)
                        machine.stop()
                    }
                ]
            }
            #expect(result.ending == .stopped, result.story)
            #expect(judged["sealed"]?.reason == AttackJudge.Effect.neverOpened.rawValue)
            #expect(judged["resident"]?.reason == AttackJudge.Effect.resident.rawValue)
            #expect(judged["blank"]?.reason == AttackJudge.Effect.blank.rawValue)
            #expect(judged["put back"]?.verdict == .missed)
        }

        @Test(
            "An SMI that nobody holds back writes the guest's registers to DRAM, and the search sees it",
            .timeLimit(.minutes(2)))
        func systemManagement() throws {
            let sealed = try Sealed("secret", faults: ["unseen-smi"]) {
                ($0.traceEvery, $0.ram) = (1, 16 * .mebibyte)
            }
            var campaign = campaign([.smi], count: 2)
            campaign.after = "secret: ready"
            let report = try campaign.run(on: sealed.image, in: BootTests.tree())
            let story = Comment(rawValue: report.description)
            #expect(report.exitCode == .otherwise, story)
            #expect(report.attacks.contains { $0.reason.contains("FROST-MA") }, story)
        }

        @Test("An image whose trace leaves pages out is refused")
        func sampledTrace() throws {
            let sampled = try Sealed("revisit")
            #expect(throws: AttackCampaign.Failure.sampledTrace(16)) {
                try AttackCampaign().run(on: sampled.image, in: BootTests.tree())
            }
        }
    }
}
