import FrostCore
import FrostFormat
import FrostImage
@testable import FrostMachine
@testable import FrostProof
import FrostSupport
import Testing

extension BootTests {
    /// What DRAM holds while guests run: ciphertext that verifies against the tree, and nothing else of the guest.
    @Suite("Homes") struct Homes {
        static let passphrase = "spoken only once: 5ae1b7"

        @Test(
            "Every frame of DRAM is a home whose tag verifies, blank, or as the firmware left it",
            .timeLimit(.minutes(3)), arguments: ["secret", "stride"])
        func homes(guest: String) throws {
            var audits = 0, sealedPages = 0
            var firmware: FirmwareSnapshot?
            let sealed = try Sealed(guest) {
                // As long as people's images need: time for a look at what the firmware left.
                $0.key = .passphrase(try Passphrase(Self.passphrase), iterations: ImageKey.defaultIterations)
            }
            let result = try sealed.run { options in
                options.passphrase = try Passphrase(Self.passphrase)
                options.hooks = [
                    Hook(.console(PromptWatch.prompt)) { machine in
                        try machine.pause()
                        firmware = try FirmwareSnapshot(machine)
                        try machine.resume()
                    },
                    Hook.watch(every: .milliseconds(700)) { machine in
                        try machine.pauseInGuest()
                        let audit = try TreeAudit(FrozenView(machine))
                        #expect(audit.broken.isEmpty)
                        #expect(audit.repeated == 0)
                        let strange = try audit.unexplained(in: machine.ram).filter {
                            try firmware?.explains($0, in: machine.ram) != true
                        }
                        #expect(strange.isEmpty)
                        #expect(try MemorySearch([Self.passphrase]).finds(in: machine.ram).isEmpty)
                        sealedPages = max(sealedPages, audit.sealedPages.count)
                        audits += 1
                        // Few sealed pages prove little.
                        if audits >= 6 && sealedPages > 10_000 {
                            machine.stop()
                        } else {
                            try machine.resume()
                        }
                    },
                ]
            }
            let seen = "\(audits) audits, \(sealedPages) sealed pages"
            #expect(result.ending == .stopped, "\(seen): \(result.story)")
            #expect(MemorySearch([Self.passphrase]).finds(in: result.console).isEmpty)
        }

        @Test("An audit finds one flipped bit among fifteen thousand homes", .timeLimit(.minutes(2)))
        func auditControl() throws {
            let result = try Sealed("secret").run { options in
                options.hooks = [
                    Hook(.console("secret: ready")) { machine in
                        try machine.pauseInGuest()
                        let before = try TreeAudit(FrozenView(machine))
                        let victim = try #require(before.sealedPages.randomElement())
                        try machine.flipBit(at: before.home(victim) + 1234)
                        #expect(try TreeAudit(FrozenView(machine)).broken == [victim])
                        machine.stop()
                    }
                ]
            }
            #expect(result.ending == .stopped, result.story)
        }

        @Test("After power-off no key and no secret is left anywhere in memory", .timeLimit(.minutes(2)))
        func wiped() throws {
            let sealed = try Sealed("secret") { $0.ram = 16 * .mebibyte }
            var keys: [(String, [UInt8])] = []
            let result = try sealed.run { options in
                options.record = sealed.scratch.file("run")
                options.keepsRAM = true
                options.hooks = [
                    Hook(.console("secret: ready")) { machine in
                        try machine.pauseInGuest()
                        keys = try FrozenView(machine).keyBlocks()
                        let found = try MemorySearch(named: keys).finds(in: machine.ram)
                        #expect(Set(found.map(\.needle)).count == keys.count)
                        #expect(
                            MemorySearch.verdict(found, for: machine.image) == .insideOnly(count: found.count)
                        )
                        try machine.resume()
                    }
                ]
            }
            #expect(result.exitCode == .asAsked, result.story)
            #expect(keys.count > 40)
            #expect(try sealed.leftovers(keys).isEmpty)
        }
    }
}
