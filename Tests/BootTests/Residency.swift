import FrostCore
import FrostFormat
import FrostImage
import FrostMachine
@testable import FrostProof
import FrostSupport
import Testing

extension BootTests {
    /// Where the plaintext is while guests run. Needs no word of the hypervisor: it reads the machine's memory.
    @Suite("Residency") struct Residency {
        @Test(
            "A guest's secrets stand in the frozen region only, at any instant", .timeLimit(.minutes(15)),
            arguments: ["2MiB", "8MiB"])
        func secrets(frozen: String) throws {
            let sealed = try Sealed("secret") { $0.frozen = try ByteCount(parsing: frozen) }
            let search = MemorySearch(Markers.texts + Markers.parts)
            var seen: Set<String> = []
            var instants = 0
            let result = try sealed.run { options in
                // Most of it is searching, while the machine stands still.
                options.timeLimit = TimeSpan(.seconds(600))
                options.hooks = [
                    Hook.watch(every: .milliseconds(100)) { machine in
                        try machine.pause()
                        let finds = try search.finds(in: machine.ram)
                        let verdict = MemorySearch.verdict(finds, for: machine.image)
                        #expect(verdict == .insideOnly(count: finds.count))
                        seen.formUnion(finds.map(\.needle))
                        instants += 1
                        if instants >= 40 && seen.isSuperset(of: Markers.texts) {
                            machine.stop()
                        } else {
                            try machine.resume()
                        }
                    }
                ]
            }
            #expect(result.ending == .stopped, "the search did not see every secret: \(result.story)")
            #expect(MemorySearch(Markers.parts).finds(in: result.console).isEmpty)
        }

        @Test("Without a freeze the same search finds the same secrets in DRAM", .timeLimit(.minutes(3)))
        func window() throws {
            let sealed = try Sealed("secret") { $0.freeze = .window }
            var verdict = MemorySearch.Verdict.insideOnly(count: 0)
            let result = try sealed.run { options in
                options.hooks = [
                    Hook(.console("secret: ready")) { machine in
                        try machine.pause()
                        let finds = try MemorySearch(Markers.texts).finds(in: machine.ram)
                        verdict = MemorySearch.verdict(finds, for: machine.image)
                        machine.stop()
                    }
                ]
            }
            #expect(result.ending == .stopped, result.story)
            guard case .plaintextFound = verdict else {
                Issue.record("the baseline must leak, and the search must say so")
                return
            }
        }

        @Test("The search finds a secret that is put into DRAM on purpose", .timeLimit(.minutes(2)))
        func searchControl() throws {
            let result = try Sealed("secret").run { options in
                options.hooks = [
                    Hook(.console("secret: ready")) { machine in
                        try machine.pause()
                        let borders: [UInt64] = [machine.image.plan.frozenEnd, 0x100_0000 - 16]
                        for address in borders {
                            let kept = try machine.ram.read(at: address, count: 32)
                            try machine.ram.write(Array(Markers.texts[1].utf8), at: address)
                            let finds = try MemorySearch(Markers.texts).finds(in: machine.ram)
                            let leak = MemorySearch.Find(needle: Markers.texts[1], address: address)
                            #expect(MemorySearch.verdict(finds, for: machine.image) == .plaintextFound(leak))
                            try machine.ram.write(kept, at: address)
                        }
                        machine.stop()
                    }
                ]
            }
            #expect(result.ending == .stopped, result.story)
        }
    }
}
