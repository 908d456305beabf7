import Foundation
import FrostFormat
@testable import FrostHost
import FrostSupport
import Testing

@Suite struct HostTests {
    private func report(_ sources: HostSources, missing: [Tool] = []) -> HostReport {
        let tools = [Tool.nasm, .bochs].map { tool in
            HostReport.ToolState(
                name: tool.name, purpose: tool.purpose, isRequired: tool == .nasm,
                path: missing.contains(tool) ? nil : "/usr/bin/\(tool.name)",
                version: missing.contains(tool) ? nil : "1.0", install: tool.installLine)
        }
        return HostReport(sources, tools: tools)
    }

    private func states(_ sources: HostSources) -> [String: MemoryEncryption.State] {
        Dictionary(
            uniqueKeysWithValues: MemoryEncryption(sources).techniques.map { ($0.name, $0.state) })
    }

    @Test("A Zen server with SME on: regions up to 32 MiB, RAM encrypted, nothing to do")
    func zen() {
        let report = report(SampleHosts.zen)
        #expect(report.cpu.vendor == "AuthenticAMD" && report.cpu.vpclmul && !report.cpu.isVirtual)
        #expect(report.caches.map(\.level) == [1, 2, 3])
        #expect(report.caches.last?.sharedBy == "0-7,32-39")
        #expect(report.freeze.places.map(\.cache) == ["L2", "L3"])
        #expect(report.freeze.places.map(\.presets) == [["zen2-l2"], ["zen3-l3"]])
        #expect(report.freeze.places.map(\.regionBytes) == [512 << 10, 32 << 20])
        let fit = report.freeze.strategies.first { $0.strategy == .fit }
        #expect(fit?.isFitting == true && fit?.reason.contains("32MiB, in L3") == true)
        #expect(report.freeze.strategies.first { $0.strategy == .waylock }?.isFitting == true)
        #expect(
            states(SampleHosts.zen)
                == ["SME": .on, "TSME": .off, "SEV": .on, "SEV-ES": .off, "SEV-SNP": .absent])
        #expect(report.memoryEncryption.ram == .on)
        #expect(report.kvmLack == nil)
        #expect(report.remedies.isEmpty && report.isReady)
        #expect(!report.description.contains("WHAT TO DO"))
    }

    @Test("Without the kernel's log, the flag sme counts from Linux 5.18 on")
    func flag() {
        for (release, state) in [
            ("5.10.0-30-amd64", MemoryEncryption.State.unknown), ("5.18.0", .on), ("6.1", .on),
        ] {
            var sources = SampleHosts.zen
            let text = sources.text
            sources.kernelLog = { nil }
            sources.text = { $0 == "/proc/sys/kernel/osrelease" ? release : text($0) }
            #expect(states(sources)["SME"] == state)
        }
    }

    @Test("SME that the firmware keeps off is told from SME that Linux does not use")
    func zenOff() {
        var report = report(SampleHosts.zenOff)
        #expect(report.memoryEncryption.techniques[0].evidence.contains("MemEncryptionModEn"))
        #expect(report.memoryEncryption.ram == .unknown, "TSME is not told")
        #expect(report.remedies.contains { $0.gap == "SME is off" && $0.action.contains("firmware") })
        #expect(
            report.remedies.contains { $0.gap.contains("no /dev/kvm") && $0.action == "modprobe kvm_amd" })
        var sources = SampleHosts.zenOff
        sources.msr = { $0 == 0xC001_0010 ? 1 << 23 : nil }
        report = self.report(sources)
        #expect(report.remedies.contains { $0.gap == "SME is off" && $0.action.contains("mem_encrypt=on") })
    }

    @Test("An Intel laptop with TME off: the region goes into L2, and each gap has its remedy")
    func laptop() {
        let report = report(SampleHosts.laptop, missing: [.nasm])
        #expect(states(SampleHosts.laptop) == ["TME": .off, "TME-MK": .off])
        #expect(report.memoryEncryption.ram == .off)
        #expect(report.freeze.places.map(\.regionBytes) == [1280 << 10, 0])
        #expect(report.freeze.places[0].option == "--cache 1280KiB:10:64 --vendor intel --replacement lru")
        #expect(report.freeze.places[1].note?.contains("hash") == true)
        #expect(report.freeze.strategies.first { $0.strategy == .waylock }?.isFitting == false)
        #expect(!report.isReady)
        let actions = report.remedies.map(\.action)
        #expect(actions.contains("apt-get install -y nasm"))
        #expect(actions.contains { $0.hasPrefix("usermod -aG kvm") })
        #expect(actions.contains("enable Total Memory Encryption in the firmware's setup"))
        #expect(report.description.contains("Not ready"))
    }

    @Test(
        "IA32_TME_ACTIVATE and the kernel's log decide about TME",
        arguments: [
            (UInt64?(0b11), String?.none, "on", "off"), (0b11 | 6 << 32, nil, "on", "on"),
            (0b11 | 1 << 31, nil, "off", "off"), (0b10, nil, "off", "off"),
            (nil, nil, "unknown", "unknown"), (nil, "Linux version", "unknown", "unknown"),
            (nil, "x86/tme: enabled by BIOS\nx86/mktme: disabled by BIOS", "on", "off"),
            (nil, "x86/tme: not enabled by BIOS", "off", "unknown"),
            (nil, "[ 0.0] x86/tme: enabled by BIOS\r\n[ 0.0] x86/mktme: enabled by BIOS", "on", "on"),
        ])
    func tme(activate: UInt64?, log: String?, tme: String, many: String) {
        var sources = SampleHosts.laptop
        sources.msr = { $0 == 0x982 ? activate : nil }
        sources.kernelLog = { log }
        #expect(states(sources).mapValues(\.rawValue) == ["TME": tme, "TME-MK": many])
    }

    @Test("A virtual machine that hides all: unknown, not absent")
    func hidden() {
        let report = report(SampleHosts.hidden)
        #expect(states(SampleHosts.hidden) == ["TME": .unknown, "TME-MK": .unknown])
        #expect(report.memoryEncryption.ram == .unknown)
        #expect(report.caches.isEmpty && report.freeze.places.isEmpty)
        #expect(report.freeze.strategies.first { $0.strategy == .fit }?.isFitting == false)
        #expect(report.remedies.contains { $0.gap.contains("AES-NI, PCLMULQDQ, RDRAND") })
        #expect(report.description.contains("as a hypervisor shows it"))
        var confidential = SampleHosts.hidden
        confidential.kernelLog = { "[ 1.0] Memory Encryption Features active: Intel TDX\n" }
        #expect(MemoryEncryption(confidential).ram == .on)
        #expect(MemoryEncryption(SampleHosts.host([])).ram == .unknown)
    }

    @Test("What is printed as JSON can be read again, and keeps its names")
    func json() throws {
        for sources in [SampleHosts.zen, SampleHosts.laptop, SampleHosts.hidden] {
            let text = try JSON.text(report(sources))
            let back = try JSONDecoder().decode(HostReport.self, from: Data(text.utf8))
            #expect(try JSON.text(back) == text)
            for name in [
                "tools", "cpu", "caches", "freeze", "memoryEncryption", "kvm", "platforms", "remedies",
                "isReady",
            ] {
                #expect(text.contains("\"\(name)\""))
            }
        }
    }

    @Test("A field of /proc/cpuinfo is the first CPU's, by its whole name")
    func field() {
        let text = """
            processor\t: 0
            a line without one
            model\t\t: 85
            model name\t: Xeon: with a colon
            stepping: 7
            power management:

            processor\t: 1
            model\t\t: 86
            """
        let sources = SampleHosts.host([["/proc/cpuinfo": text]])
        let read = ["model", "model name", "stepping", "power management", "mod", "a line", "flags"]
        #expect(read.map(sources.cpuField) == ["85", "Xeon: with a colon", "7", "", nil, nil, nil])
        #expect(SampleHosts.host([]).cpuField("model") == nil)
    }

    @Test("This machine is read without a trap, and its CPU is named")
    func here() {
        #expect(HostReport(platforms: []).cpu.vendor != "unknown")
    }
}
