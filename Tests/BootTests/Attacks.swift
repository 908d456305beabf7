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
            campaign.watch = Self.longWatch
            return campaign
        }

        /// Long enough for the guest to come back to all of its pages on a machine with much to do. It is then judged.
        private static let longWatch = TimeSpan(.seconds(60))

        private static func isNamed(_ reason: String, in outcomes: [AttackOutcome]) -> Bool {
            outcomes.contains { $0.verdict == .missed && $0.reason.contains(reason) }
        }

        /// What offers a way to every kind.
        private static func wholeBoard() throws -> Board {
            try Board(iommu: .intel, devices: [EduDevice.name], cpus: 2)
        }

        @Test(
            "Every kind of attack is detected, without effect by proof, or leaves nothing in DRAM",
            .timeLimit(.minutes(60)))
        func usual() throws {
            let sealed = try Sealed("revisit") { $0.traceEvery = 1 }
            let kinds = AttackKind.allCases.filter { $0.reserve == nil }, each = BootTests.isFull ? 125 : 2
            var campaign = campaign(kinds, count: each * kinds.count)
            campaign.board = try Self.wholeBoard()
            let report = try campaign.run(on: sealed.image, in: BootTests.tree())
            let story = Comment(rawValue: report.description)
            #expect(report.exitCode == .asAsked, story)
            #expect(report.attacks.count == each * kinds.count)
            #expect(Set(report.attacks.map(\.kind)) == Set(kinds))
            #expect(report.secretsSeen > 0, "the guest held no marker: the search proves little")
            #expect(report.count(.missed) == 0 && report.count(.notDone) == 0, story)
            // Which ones meet a page that is dead or dirty is a matter of the instant.
            #expect(report.count(.detected) >= (BootTests.isFull ? 300 : 5), story)
            #expect(report.count(.held) >= 7 * each, story)
            #expect(Set(report.notRun.keys) == [AttackKind.secondCPUByNMI.rawValue])
        }

        /// One kind on a whole machine, a fault that opens the way for it, and what the report must then say of one attack
        /// or another.
        struct Control: Sendable, CustomTestStringConvertible {
            var kind: AttackKind
            var fault: String?
            var reasons: [String]

            var testDescription: String { "\(kind.rawValue), \(fault ?? "no fault")" }
        }

        @Test(
            "Each kind of attack on the machine is missed where the hypervisor leaves it open, and named",
            .timeLimit(.minutes(3)),
            arguments: [
                Control(
                    kind: .device, fault: "vtd-left-off",
                    reasons: ["the device has read", "no IOMMU refused a write"]),
                Control(
                    kind: .secondCPU, fault: "open-icr", reasons: ["another CPU has run the attacker's code"]),
                // QEMU's own fault. Where the CPU comes to is a matter of what lies at its vector.
                Control(kind: .secondCPUByNMI, fault: nil, reasons: ["CPU"]),
                Control(
                    kind: .firmware, fault: "believed-roms",
                    reasons: ["found the firmware's memory changed"]),
                Control(
                    kind: .firmware, fault: "believed-tables", reasons: ["never taken into the pager"]),
                Control(kind: .header, fault: "skip-tag-check", reasons: ["the guest was launched"]),
            ])
        func machineControl(row: Control) throws {
            let sealed = try Sealed("revisit", faults: row.fault.map { [$0] } ?? []) { $0.traceEvery = 1 }
            // Not every one meets what the fault leaves open.
            var campaign = campaign([row.kind], count: 12)
            campaign.isDecided = { outcomes in row.reasons.allSatisfy { Self.isNamed($0, in: outcomes) } }
            // The hypervisors with believed memory find no IOMMU's registers.
            if row.kind.lack(on: campaign.board) != nil { campaign.board = try Self.wholeBoard() }
            let report = try campaign.run(on: sealed.image, in: BootTests.tree())
            let story = Comment(rawValue: report.description)
            #expect(report.exitCode == .otherwise, story)
            for reason in row.reasons { #expect(Self.isNamed(reason, in: report.attacks), story) }
        }

        @Test("A kind that the machine offers no way to is refused when asked for, and told when not")
        func lacking() throws {
            let sealed = try Sealed("revisit") { $0.traceEvery = 1 }
            for kind in [AttackKind.device, .secondCPU] {
                let failure = #expect(throws: AttackCampaign.Failure.self) {
                    try campaign([kind], count: 1).run(on: sealed.image, in: BootTests.tree())
                }
                #expect(failure?.exitCode == .usage)
            }
            var behindAMD = campaign([.flip], count: 1)
            behindAMD.board = try Board(iommu: .amd)
            #expect(throws: AttackCampaign.Failure.notSaved) {
                try behindAMD.run(on: sealed.image, in: BootTests.tree())
            }
            var all = campaign([], count: 1)
            all.kinds = nil
            let report = try all.run(on: sealed.image, in: BootTests.tree())
            #expect(report.description.contains("not run  device: "), "\(report)")
            #expect(report.description.contains("not run  second-cpu: "), "\(report)")
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
            let kinds: [AttackKind] = [.flip, .swap, .replay, .rollback]
            var campaign = campaign(kinds, count: 8)
            campaign.isDecided = { outcomes in
                Set(outcomes.map(\.kind)) == Set(kinds) && Self.isNamed(reason, in: outcomes)
                    && outcomes.count { $0.verdict == .missed } >= 2
            }
            let report = try campaign.run(on: sealed.image, in: BootTests.tree())
            let story = Comment(rawValue: report.description)
            #expect(report.exitCode == .otherwise, story)
            #expect(Set(report.attacks.map(\.kind)) == Set(kinds), story)
            #expect(report.count(.missed) >= 2 && report.count(.detected) == 0, story)
            #expect(Self.isNamed(reason, in: report.attacks), story)
        }

        @Test(
            "Whether a change had an effect is proven page by page, and not assumed", .timeLimit(.minutes(2)))
        func effects() throws {
            var judged: [String: AttackJudge.Finding] = [:]
            var leftOut: [page_id]?
            let sealed = try Sealed("revisit") { $0.traceEvery = 1 }
            let result = try sealed.run { options in
                // As it is for an attack: the firmware's pages are those of a machine with this disk.
                options.isSaveable = true
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
                            var judge = AttackJudge(strike: strike)
                            judge.take(try strike.position.records(of: machine, view))
                            judged[name] = try judge.survived(view)
                            try machine.ram.write(before, at: address)
                        }
                        leftOut = FirmwarePages(view.plan).pages.filter { page in
                            audit.entries[page]?.state == PAGE_BLANK.rawValue && view.slots[page] == nil
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
            #expect(leftOut == [], "pages that are taken for the firmware's, and are not")
        }

        /// Numbers of attacks that draw such a field.
        @Test(
            "A field of the header that nothing reads may be changed, and the machine starts the same",
            .timeLimit(.minutes(2)), arguments: [(59, "unused"), (88, "fault"), (26, "other_slots")])
        func publicField(number: Int, field: String) throws {
            var campaign = campaign([.header], count: 1)
            (campaign.seed, campaign.only, campaign.board) = (2026, number, try Self.wholeBoard())
            let sealed = try Sealed("revisit") { $0.traceEvery = 1 }
            let report = try campaign.run(on: sealed.image, in: BootTests.tree())
            let story = Comment(rawValue: report.description)
            #expect(report.attacks.map(\.targets) == [["the header's \(field)"]], story)
            #expect(report.count(.withoutEffect) == 1, story)
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
