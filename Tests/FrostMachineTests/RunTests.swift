import Foundation
@testable import FrostFormat
@testable import FrostHost
@testable import FrostMachine
@testable import FrostSupport
import Testing

@Suite struct RunTests {
    @Test(
        "Each ending has its exit code",
        arguments: [
            (RunEnding.powerOff(sleepType: 0), 0), (.untilText, 0), (.stopped, 0),
            (.panic(code: .integrity, value: 0, level: 0), 10),
            (.panic(code: .stray, value: 0, level: nil), 11),
            (.panic(code: nil, value: 0, level: nil), 11), (.panic(code: .key, value: 0, level: nil), 14),
            (.tripleFault, 12), (.reset(port: 0x64), 13), (.wrongPassphrase, 14),
            (.died(status: 9, wasSignalled: true), 15), (.timeLimit, 124), (.interrupted, 130),
        ] as [(RunEnding, Int32)])
    func exitCodes(ending: RunEnding, code: Int32) {
        #expect(ending.exitCode.rawValue == code)
        #expect(Expectation(RunOptions()).judge(ending, console: []).code.rawValue == code)
    }

    @Test("Every exit code stands in the help text")
    func table() {
        for code in ExitCode.allCases {
            #expect(ExitCode.table.contains("\(code.rawValue)  \(code.meaning)"))
        }
    }

    @Test("A recipe's ending is the right one, and only that one")
    func wanted() {
        var options = RunOptions()
        options.ending = .panic
        options.panic = .stray
        let expectation = Expectation(options)
        func code(_ ending: RunEnding) -> ExitCode { expectation.judge(ending, console: []).code }
        #expect(code(.panic(code: .stray, value: 0, level: nil)) == .asAsked)
        #expect(code(.panic(code: .integrity, value: 0, level: nil)) == .integrity)
        #expect(code(.powerOff(sleepType: 0)) == .otherwise)
        #expect(code(.timeLimit) == .timeLimit)
    }

    @Test(
        "A guest that runs for ever ends by the time limit where its recipe says so, and has said its lines")
    func forEver() {
        var options = RunOptions()
        (options.ending, options.expected) = (.timeLimit, ["ready"])
        #expect(Expectation(options).judge(.timeLimit, console: Array("ready".utf8)).code == .asAsked)
        #expect(Expectation(options).judge(.timeLimit, console: []).code == .otherwise)
        #expect(
            Expectation(options).judge(.powerOff(sleepType: 0), console: Array("ready".utf8)).code
                == .otherwise)
    }

    @Test("A text that never came is named, and costs the good exit code")
    func texts() {
        var options = RunOptions()
        options.expected = ["here", "nowhere"]
        let verdict = Expectation(options).judge(.powerOff(sleepType: 0), console: Array("it is here".utf8))
        #expect(verdict.code == .otherwise)
        #expect(verdict.complaints == ["The console never said \"nowhere\"."])
        options.expected = ["here"]
        options.until = "later"
        #expect(
            Expectation(options).judge(.powerOff(sleepType: 0), console: Array("here".utf8)).code
                == .otherwise)
        #expect(
            Expectation(options).judge(.powerOff(sleepType: 0), console: Array("here later".utf8)).code
                == .asAsked)
        #expect(Expectation(options).judge(.untilText, console: Array("here".utf8)).code == .asAsked)
    }

    @Test("A text is found across any cut of the console", arguments: 1...6)
    func watch(step: Int) {
        let console = Array("xxfroxfrost!".utf8)
        var watch = TextWatch("frost")
        var foundAt: Int?
        for end in stride(from: step, through: console.count + step, by: step) where foundAt == nil {
            if watch.look(at: Array(console.prefix(end))) { foundAt = end }
        }
        #expect(watch.foundEnd == 11)
    }

    @Test("The passphrase is typed once; a second question means that it was refused")
    func prompt() throws {
        var watch = PromptWatch(passphrase: try Passphrase("melting"))
        var console = Array("frostvisor: loading\r\nfrostvisor: passphrase".utf8)
        let early = watch.answer(console)
        console += Array(": ".utf8)
        let answers = [watch.answer(console), watch.answer(console)]
        let isRefusedAtOnce = watch.isRefused(console)
        console += Array("\r\nfrostvisor: wrong passphrase\r\nfrostvisor: passphrase: ".utf8)
        let isRefused = watch.isRefused(console)
        #expect(early == nil)
        #expect(answers == [Array("melting\r".utf8), nil])
        #expect(!isRefusedAtOnce && isRefused)
    }

    @Test("An image that carries its key is never answered")
    func noPrompt() {
        var watch = PromptWatch(passphrase: nil)
        let answer = watch.answer(Array("frostvisor: passphrase: ".utf8))
        #expect(answer == nil)
    }

    @Test("Passphrases that cannot be typed are refused")
    func passphrases() throws {
        #expect(throws: Passphrase.Failure.empty) { try Passphrase("") }
        #expect(throws: Passphrase.Failure.unprintable) { try Passphrase("a\tb") }
        #expect(throws: Passphrase.Failure.tooLong(bytes: 129)) {
            try Passphrase(String(repeating: "x", count: 129))
        }
        #expect(try Passphrase("größe").bytes.count == 7)
    }

    @Test(
        "QEMU's command line shares the RAM; only a guest that calls the firmware reads its disk without DMA")
    func commandLine() {
        var qemu = QEMU(
            accelerator: .tcg, image: URL(filePath: "/images/a,b.img"), disk: .ahci, ram: 256 * .mebibyte,
            ramFile: URL(filePath: "/dev/shm/x.ram"), trace: URL(filePath: "/run/trace.bin"),
            controlSocket: "/tmp/x.qmp")
        let arguments = qemu.arguments
        func value(_ option: String) -> String? {
            arguments.firstIndex(of: option).map { arguments[$0 + 1] }
        }
        #expect(value("-accel") == "tcg")
        #expect(value("-machine") == "pc,smm=off,memory-backend=ram")
        #expect(value("-cpu") == "max,+svm,+npt")
        #expect(value("-smp") == "1")
        #expect(value("-m") == "256")
        #expect(
            value("-object") == "memory-backend-file,id=ram,size=268435456,mem-path=/dev/shm/x.ram,share=on")
        #expect(value("-drive") == "file=/images/a,,b.img,format=raw,snapshot=on,if=none,id=disk")
        #expect(arguments.contains("ide-hd,drive=disk,bus=ahci.0,bootindex=0"))
        #expect(value("-net") == "none")
        #expect(arguments.contains("-no-reboot"))
        #expect(arguments.contains("-nodefaults"))
        #expect(value("-qmp") == "unix:/tmp/x.qmp,server=on,wait=off")
        #expect(qemu.command.text.hasPrefix("qemu-system-x86_64 -accel tcg"))

        qemu.disk = .ide
        #expect(qemu.arguments.contains("ide-hd,drive=disk,bus=ide.0,bootindex=0"))
        #expect(!qemu.command.text.contains("ahci"))
    }

    @Test("KVM is refused with the reason that fits")
    func kvm() {
        func lack(_ device: Bool, _ usable: Bool, _ cpu: String?, _ nested: String?) -> String? {
            HostKVM(
                devicePresent: device, deviceUsable: usable, cpuVirtualisation: cpu, nestedParameter: nested
            ).lack
        }
        #expect(lack(false, false, nil, nil)?.contains("no /dev/kvm") == true)
        #expect(lack(true, false, "svm", "1")?.contains("may not be opened") == true)
        #expect(lack(true, true, nil, nil)?.contains("neither SVM nor VMX") == true)
        #expect(lack(true, true, "vmx", "N")?.contains("nested VMX") == true)
        #expect(lack(true, true, "vmx", "Y") == nil)
        #expect(lack(true, true, "svm", "0")?.contains("nested") == true)
        #expect(lack(true, true, "svm", "1") == nil)
    }

    @Test("What a platform cannot do is refused before anything is booted")
    func beyondThePlatform() throws {
        var options = RunOptions()
        options.keepsRAM = true
        #expect(throws: Platform.Failure.noSymbols(.bochs)) { try Platform.bochs.check(options) }
        options = RunOptions()
        options.nmiEvery = TimeSpan(.seconds(1))
        #expect(throws: Platform.Failure.lacks(.bochs, .control)) { try Platform.bochs.check(options) }
        options = RunOptions()
        options.cpu = .intel
        #expect(throws: Platform.Failure.lacks(.qemuTCG, .vmx)) { try Platform.qemuTCG.check(options) }
        try Platform.bochs.check(options)
        let asked: [(Capability, (inout RunOptions) throws -> Void)] = [
            (.seed, { $0.seed = 1 }), (.savedState, { $0.isSaveable = true }),
            (.savedState, { $0.takesMessages = true }), (.accessTrace, { $0.windows = AccessWindows() }),
            (.connection, { $0.connect = .embedded }),
        ]
        for platform in Platform.allCases {
            for (capability, ask) in asked {
                var options = RunOptions()
                try ask(&options)
                if platform.has(capability) {
                    try platform.check(options)
                } else {
                    #expect(throws: Platform.Failure.lacks(platform, capability)) {
                        try platform.check(options)
                    }
                }
            }
        }
    }

    @Test("Of each capability some platform has it, and one without it says what to use instead")
    func capabilities() {
        for capability in Capability.allCases {
            #expect(Platform.allCases.contains { $0.has(capability) })
            for platform in Platform.allCases where !platform.has(capability) {
                let failure = Platform.Failure.lacks(platform, capability)
                #expect(failure.description.contains("--platform"))
                #expect(failure.exitCode == (capability == .cacheModel ? .notProvable : .unavailable))
            }
        }
    }

    @Test("A CPU is a vendor, or a model's name; nothing that could be more than a name")
    func cpuChoices() throws {
        #expect(try CPUChoice(parsing: "intel") == .intel)
        #expect(try CPUChoice(parsing: "amd") == .amd)
        #expect(try CPUChoice(parsing: "max,-aes") == .named("max,-aes"))
        for text in ["", "a b", "ryzen\nmegs: 1", "x\"y", "größe"] {
            #expect(throws: CPUChoice.Failure.badName(text)) { try CPUChoice(parsing: text) }
        }
        #expect(CPUChoice(for: .svm) == .amd)
        #expect(CPUChoice(for: .any) == .intel)
    }

    @Test("Bochs is told everything by relative names, and opens no port")
    func bochsSettings() throws {
        let folder = RunFolder(URL(filePath: "/a folder/with \"quotes\""))
        let bochs = Bochs(ram: 64 * .mebibyte, cpu: .amd, console: "/dev/pts/7", folder: folder)
        let lines = bochs.settings.split(separator: "\n").map(String.init)
        #expect(lines.contains("display_library: term"))
        #expect(lines.contains("cpu: model=ryzen, count=1, ips=50000000, reset_on_triple_fault=0"))
        #expect(lines.contains("megs: 64"))
        #expect(lines.contains("com1: enabled=1, mode=term, dev=/dev/pts/7"))
        #expect(lines.contains("com2: enabled=1, mode=file, dev=trace.bin"))
        #expect(
            lines.contains {
                $0.hasPrefix("ata0-master: type=disk, path=disk.img, mode=volatile, journal=disk.journal")
            })
        #expect(!bochs.settings.contains("a folder"))
        #expect(bochs.command.arguments.contains("--chdir=/a folder/with \"quotes\""))
    }

    @Test("Where QEMU gives up, the guest's registers are not passed on")
    func qemuWords() {
        let qemu = QEMUBackend(accelerator: .tcg)
        #expect(qemu.messages(in: "qemu: fatal: invalid tss\nRAX=1 RBX=2\n") == "qemu: fatal: invalid tss")
        #expect(qemu.messages(in: "qemu: no such machine\n") == "qemu: no such machine\n")
    }

    @Test("A panic of Bochs is told from the guest's power-off")
    func bochsWords() throws {
        let bochs = BochsBackend()
        let off = "00013687158p[ACPI  ] >>PANIC<< ACPI control: soft power off"
        let fault = "00013687158p[CPU0  ] >>PANIC<< exception(): 3rd (13) exception with no resolution"
        #expect(bochs.messages(in: "Bochs connected to screen\n\(off)\n") == "")
        #expect(bochs.messages(in: "\(off)\n\(fault)\n") == fault)
    }
}
