import Foundation
@testable import FrostFormat
@testable import FrostHost
@testable import FrostMachine
@testable import FrostSupport
import Testing

/// What platforms can do, and what is told to the programs behind them.
@Suite struct PlatformTests {
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
            (.connection, { $0.connect = .embedded }), (.board, { $0.board.chipset = .q35 }),
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
        #expect(lines.contains("memory: guest=64, host=64"))
        #expect(lines.contains("com1: enabled=1, mode=term, dev=/dev/pts/7"))
        #expect(lines.contains("com2: enabled=1, mode=file, dev=trace.bin"))
        #expect(
            lines.contains {
                $0.hasPrefix("ata0-master: type=disk, path=disk.img, mode=volatile, journal=disk.journal")
            })
        #expect(!bochs.settings.contains("a folder"))
        #expect(bochs.command.arguments.contains("--chdir=/a folder/with \"quotes\""))
    }

    @Test("Bochs holds 2 GiB of a larger machine's RAM itself")
    func bochsMemory() {
        let folder = RunFolder(URL(filePath: "/x"))
        let bochs = Bochs(ram: 3 * .gibibyte, cpu: .amd, console: "", folder: folder)
        #expect(bochs.settings.contains("\nmemory: guest=3072, host=2048\n"))
    }

    @Test("No path ends one of QEMU's options, or a word of the shell's, before its end")
    func commas() {
        func path(_ name: String) -> URL { URL(filePath: "/a,b/\(name)") }
        let qemu = QEMU(
            accelerator: .tcg, image: path("x.img"), disk: .ahci, ram: 64 * .mebibyte,
            ramFile: path("x.ram"), trace: path("trace.bin"), controlSocket: path("x.qmp").plainPath,
            messageSocket: path("x.qtest").plainPath)
        let lines = DomainLine(number: 0, socket: path("com1").plainPath).arguments
        for argument in qemu.arguments + lines where argument.contains("/a") {
            #expect(argument.contains("/a,,b/"), "\(argument)")
        }
        #expect((qemu.arguments + lines).count { $0.contains("/a,,b/") } == 6)
        #expect(EmbeddedRoot.quoted(URL(filePath: "/it's")) == "'/it'\\''s'")
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
