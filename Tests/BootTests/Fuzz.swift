import Foundation
import FrostCore
@testable import FrostFormat
import FrostImage
@testable import FrostMachine
import FrostSupport
import Testing

extension BootTests {
    /// Random instructions in every mode of the CPU: `images/fuzz`, `docs/evidence/fuzz.md`.
    @Suite("Fuzz") struct Fuzz {
        static let machines: [(platform: Platform, cpu: CPUChoice)] = [
            (.qemuTCG, .amd), (.bochs, .amd), (.bochs, .intel), (.bochs, Vectors.wide),
        ]
        /// Seeds of the safe space: everywhere, and under QEMU, which is fast, alone.
        static let safeEverywhere: ClosedRange<UInt64> = isFull ? 1...20 : 1...2
        static let safeUnderQEMU: ClosedRange<UInt64> = isFull ? 3...200 : 3...4
        /// Seeds of the whole space. Not svm/Bochs: a triple fault of the guest ends Bochs there instead of exiting, and
        /// nobody could tell it from one of the hypervisor's.
        static let wholeUnderQEMU: ClosedRange<UInt64> = isFull ? 1...500 : 1...8
        static let wholeUnderBochs: ClosedRange<UInt64> = isFull ? 1...40 : 3...3

        /// How a guest that executes anything may end: by itself, or by one of these, which name what it did.
        static func namedPanics(_ platform: Platform) -> Set<PanicCode> {
            let named: Set<PanicCode> = [.`init`, .smi, .unknownExit, .task]
            // QEMU answers reserved bits in CR4 as if VMRUN had refused. Elsewhere a refused entry is the hypervisor's doing.
            return platform == .qemuTCG ? named.union([.entry]) : named
        }

        /// Bochs takes seconds of CPU time for a seed, and the host may be busy.
        static let patience = TimeSpan(.seconds(300))

        static func sealed(_ commandLine: String, in tree: SourceTree? = nil) throws -> Sealed {
            try Sealed(Recipe(named: "fuzz", in: BootTests.tree()), in: tree) { $0.commandLine = commandLine }
        }

        static func repeating(_ commandLine: String, _ platform: Platform, _ cpu: CPUChoice) -> String {
            """
            to repeat: frost make-image fuzz --append "\(commandLine) tell=1" --key-source embedded -o fuzz.img; \
            frost run fuzz.img --platform \(platform.rawValue) --cpu \(cpu)
            """
        }

        @Test(
            "Programs of the safe space end the same on each machine, with and without what exits",
            .timeLimit(.minutes(isFull ? 60 : 4)), arguments: safeEverywhere)
        func safe(seed: UInt64) throws {
            let results = try Self.runs(of: seed, on: Self.machines)
            let digests = Set(results.map(Self.digest))
            #expect(digests.count == 1 && digests.first?.contains("0x") == true, "seed \(seed): \(digests)")
            // Every page that was ever touched was blank once, or in the image; so were those of the BIOS's tables.
            let touches = Set(
                zip(results, Self.machines).map { result, machine in
                    let tables = machine.platform == .bochs ? MemoryMap.bochsTables : MemoryMap.seaBIOSTables
                    return result.trace.count(.openBlank).map { $0 - tables.bytes / UInt64(PAGE_BYTES) }
                })
            #expect(touches.count == 1 && !touches.contains(nil), "seed \(seed): \(touches)")
        }

        @Test("More of them under QEMU", .timeLimit(.minutes(isFull ? 60 : 4)))
        func safeUnderQEMU() throws {
            for seed in Self.safeUnderQEMU {
                let commandLine = "seed=\(seed) cases=40"
                let result = try Self.sealed(commandLine).run()
                #expect(
                    result.exitCode == .asAsked,
                    "\(Self.repeating(commandLine, .qemuTCG, .amd))\n\(result.story)")
            }
        }

        @Test(
            "Whatever bytes a guest executes, the hypervisor lives, or says why not",
            .timeLimit(.minutes(isFull ? 240 : 10)))
        func whole() throws {
            for probes in [false, true] {
                for seed in Self.wholeUnderQEMU { try Self.whole(seed, .qemuTCG, .amd, probes) }
                for seed in Self.wholeUnderBochs { try Self.whole(seed, .bochs, .intel, probes) }
            }
        }

        /// How long each machine is tried besides; a long run tells how its runs ended.
        static let minutes = ProcessInfo.processInfo.environment["FROST_FUZZ_MINUTES"].flatMap(Int.init)

        @Test(
            "Whatever bytes a guest executes, for as long as is asked",
            .enabled(if: minutes != nil, "SKIP: FROST_FUZZ_MINUTES=N tries each machine for N minutes"))
        func long() throws {
            let first = UInt64.random(in: 1000..<1_000_000_000)
            for (platform, cpu) in [(Platform.qemuTCG, CPUChoice.amd), (.bochs, .intel), (.bochs, .amd)] {
                let end = ContinuousClock.now + .seconds(60 * (Self.minutes ?? 0))
                var seed = first, endings: [String: Int] = [:]
                while ContinuousClock.now < end {
                    if platform == .bochs, cpu == .amd {
                        // The whole space cannot be judged there: the safe one must end as under QEMU.
                        let results = try Self.runs(of: seed, on: [(.qemuTCG, .amd), (platform, cpu)])
                        #expect(Set(results.map(Self.digest)).count == 1, "seed \(seed)")
                        endings["as under QEMU", default: 0] += 1
                    } else {
                        endings[try Self.whole(seed, platform, cpu, seed % 2 == 0), default: 0] += 1
                    }
                    seed += 1
                }
                let told = endings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                print(
                    "fuzz: \(platform.rawValue), \(cpu): seeds \(first)..<\(seed): \(told.joined(separator: ", "))"
                )
            }
        }

        /// Twenty cases of the safe space, on each of the machines.
        private static func runs(
            of seed: UInt64, on machines: [(platform: Platform, cpu: CPUChoice)]
        ) throws -> [RunResult] {
            let commandLine = "seed=\(seed) cases=20"
            let sealed = try sealed(commandLine)
            return try machines.map { platform, cpu in
                let result = try sealed.run {
                    ($0.platform, $0.cpu) = (platform, cpu)
                    $0.timeLimit = patience
                }
                let how = repeating(commandLine, platform, cpu)
                #expect(result.exitCode == .asAsked, "\(how)\n\(result.story)")
                return result
            }
        }

        /// Returns how it ended.
        @discardableResult
        private static func whole(
            _ seed: UInt64, _ platform: Platform, _ cpu: CPUChoice, _ hasProbes: Bool
        ) throws -> String {
            let commandLine = "seed=\(seed) cases=200 space=whole" + (hasProbes ? " probes=1" : "")
            var options = RunOptions()
            (options.platform, options.cpu) = (platform, cpu)
            options.timeLimit = patience
            if platform == .qemuTCG { options.hooks = [endless] }
            let sealed = try sealed(commandLine)
            let result: RunResult
            do {
                result = try Run(sealed.image, options: options).boot()
            } catch {
                Issue.record(error, "\(repeating(commandLine, platform, cpu))")
                return "an error"
            }
            withExtendedLifetime(sealed) {}
            let isOrdinary =
                switch result.ending {
                case .powerOff, .sleep, .reset, .tripleFault, .stopped: true
                case .panic(let code, _, _): code.map(namedPanics(platform).contains) ?? false
                // Bochs ends itself where a device does not take an access, QEMU where a TSS is none.
                case .died:
                    result.warnings.contains {
                        platform == .bochs
                            ? $0.contains(">>PANIC<<") && !$0.contains("[CPU")
                            : $0.contains("qemu: fatal: invalid tss")
                    }
                default: false
                }
            #expect(isOrdinary, "\(repeating(commandLine, platform, cpu))\n\(result.story)")
            if case .panic(let code?, _, _) = result.ending { return "panic \(code.rawValue)" }
            return "\(result.ending.kind)"
        }

        /// Ends a guest that runs on without end, as one may that left for addresses where nothing is. That it is the guest
        /// that runs, and not the hypervisor, is looked at first: where it exits, it must also get on.
        static var endless: Hook {
            Hook(.every(.seconds(20))) { machine in
                guard machine.trace.hasLaunched, machine.elapsed > .seconds(19) else { return }
                do {
                    var states = Set<[String]>()
                    for _ in 0..<10 where states.count < 2 {
                        try machine.pauseInGuest()
                        states.insert(try machine.registers())
                        try machine.resume()
                    }
                    if states.count == 1 {
                        #expect(throws: Machine.Failure.neverThere, "it exits for ever at one instruction") {
                            try machine.pauseInHypervisor()
                        }
                        try machine.resume()
                    }
                    machine.stop()
                } catch QMP.Failure.gone, QMP.Failure.noConnection {}
            }
        }

        /// Faults of the kind that is looked for, each committed in a copy of the hypervisor.
        static let faults = ["lost-vectors", "lost-step", "short-advance"]

        @Test(
            "A faulty hypervisor is found out by the first seeds", .timeLimit(.minutes(3)),
            arguments: faults)
        func control(name: String) throws {
            let tree = try BootTests.tree(), commandLine = "seed=\(Self.safeEverywhere.lowerBound) cases=20"
            let found = try Fault(named: name, in: tree).inject(into: tree) { faulty in
                try Self.sealed(commandLine, in: faulty).run().exitCode != .asAsked
            }
            #expect(found, "\(commandLine) does not find \(name)")
        }

        private static func digest(_ result: RunResult) -> String {
            result.consoleText.split(whereSeparator: \.isNewline).filter { $0.contains("digest") }.joined()
        }
    }
}
