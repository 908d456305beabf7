import Foundation
@testable import FrostFormat
import FrostImage
@testable import FrostMachine
import FrostSamples
import FrostSupport
import Testing

private let hasTools = [Tool.nasm, .qemu].allSatisfy { (try? $0.locate()) != nil }

/// The watcher of machines, on boot sectors that stand in for a hypervisor. Nothing of Frostvisor runs here.
@Suite(.serialized, .enabled(if: hasTools, "nasm and QEMU are needed"), .timeLimit(.minutes(2)))
struct MachineTests {
    private static let prelude = """
        bits 16
        org 0x7c00
                xor ax, ax
                mov ds, ax
                mov ss, ax
                mov sp, 0x7c00
                cld
                jmp start
        print:  lodsb                   ; si = text
                test al, al
                jz .done
                mov ah, al
                mov dx, 0x3fd
        .wait:  in al, dx
                test al, 0x20
                jz .wait
                mov al, ah
                mov dx, 0x3f8
                out dx, al
                jmp print
        .done:  ret
        hang:   hlt
                jmp hang
        start:

        """
    private static let hello = """
                mov si, text
                call print
                jmp hang
        text:   db "the sector is up", 13, 10, 0
        """

    private func sample(
        _ source: String, key: ImageKey.Source = .embedded, ram: ByteCount = 64 * .mebibyte
    ) throws -> SampleImage {
        let sample = try SampleImage(key: key, ram: ram)
        let file = sample.folder.appending(path: "sector.asm")
        let binary = sample.folder.appending(path: "sector.bin")
        let end = "\ntimes 510 - ($ - $$) db 0\ndw 0xaa55\n"
        try Data((Self.prelude + source + end).utf8).write(to: file)
        try Tool.nasm.run(["-f", "bin", file.plainPath, "-o", binary.plainPath], for: "assemble")
        try sample.setSector([UInt8](Data(contentsOf: binary)))
        return sample
    }

    private func run(_ sample: SampleImage, _ change: (inout RunOptions) -> Void = { _ in }) throws
        -> RunResult
    {
        var options = RunOptions()
        options.timeLimit = TimeSpan(.seconds(30))
        options.record = sample.folder.appending(path: "run", directoryHint: .isDirectory)
        change(&options)
        return try Run(BootImage(reading: sample.file), options: options).boot()
    }

    @Test("A text on the console ends the run, and the run's files say so")
    func until() throws {
        let sample = try sample(Self.hello)
        let result = try run(sample) { $0.until = "sector is up" }
        #expect(result.ending == .untilText)
        #expect(result.exitCode == .asAsked)
        let folder = RunFolder(sample.folder.appending(path: "run", directoryHint: .isDirectory))
        #expect(try String(contentsOf: folder.console, encoding: .utf8).contains("the sector is up"))
        let report = try JSONDecoder().decode(RunReport.self, from: Data(contentsOf: folder.report))
        #expect(report.ending == .untilText)
        #expect(!FileManager.default.fileExists(atPath: folder.ram.plainPath))
    }

    @Test("A machine that says nothing is killed at the time limit")
    func timeLimit() throws {
        let result = try run(sample("jmp hang")) { $0.timeLimit = TimeSpan(.milliseconds(500)) }
        #expect(result.ending == .timeLimit)
        #expect(result.exitCode == .timeLimit)
    }

    @Test("A machine that floods the console is still watched")
    func flood() throws {
        let flood = "again: mov si, text\ncall print\njmp again\ntext: db 'flood', 0"
        let result = try run(sample(flood)) { $0.timeLimit = TimeSpan(.seconds(3)) }
        #expect(result.ending == .timeLimit)
        #expect(result.consoleText.contains("floodflood"))
    }

    @Test("A machine that goes away without an end record has died, whatever its status")
    func died() throws {
        let result = try run(sample("mov dx, 0x604\nmov ax, 0x2000\nout dx, ax\njmp hang"))
        #expect(result.ending == .died(status: 0, wasSignalled: false))
        #expect(result.exitCode == .machineDied)
    }

    @Test("A hook pauses the machine, reads and writes its memory, and ends the run")
    func hooks() throws {
        let sample = try sample(Self.hello)
        var status = ""
        var sector: [UInt8] = []
        var registers: [String] = []
        var readBack: [UInt8] = []
        let hook = Hook(.console("the sector is up")) { machine in
            try machine.pause()
            status = String(decoding: try machine.qmp().execute("query-status"), as: UTF8.self)
            sector = try machine.ram.read(at: 0x7C00, count: 512)
            try machine.ram.write([1, 2, 3], at: 0x20_0000)
            readBack = try machine.ram.read(at: 0x20_0000, count: 3)
            registers = try machine.registers()
            try machine.resume()
            machine.stop()
        }
        let result = try run(sample) { $0.hooks = [hook] }
        #expect(result.ending == .stopped)
        #expect(status.contains("paused"))
        #expect(try sector == Array(sample.bytes.prefix(512)))
        #expect(readBack == [1, 2, 3])
        #expect(registers.contains { $0.contains("RIP=") || $0.contains("EIP=") })
    }

    @Test("RAM above the PCI hole is found where the machine has it", arguments: [3500, 3584, 4096])
    func highMemory(mebibytes: UInt64) throws {
        let ram = mebibytes * ByteCount.mebibyte
        let top: UInt64 = mebibytes < 3584 ? ram.bytes : ram.bytes + (1 << 30)
        let sample = try sample(Self.hello, ram: ram)
        var seen: [String] = []
        let hook = Hook(.console("the sector is up")) { machine in
            try machine.pause()
            try machine.ram.write([0x78, 0x56, 0x34, 0x12], at: top - 4)
            seen = try machine.qmp().monitor("xp /1xw \(top - 4)")
            #expect(throws: GuestRAM.Failure.outside(top - 2, bytes: 4)) {
                try machine.ram.read(at: top - 2, count: 4)
            }
            machine.stop()
        }
        _ = try run(sample) { $0.hooks = [hook] }
        #expect(seen.joined().contains("0x12345678"))
    }

    @Test("An error in a hook comes out of the run, and the machine is gone")
    func hookFails() throws {
        struct Broken: Error {}
        let sample = try sample(Self.hello)
        var identifier = ""
        #expect(throws: Broken.self) {
            try run(sample) { options in
                options.hooks = [
                    Hook(.every(.milliseconds(10))) { machine in
                        identifier = String(decoding: try machine.qmp().execute("query-name"), as: UTF8.self)
                        throw Broken()
                    }
                ]
            }
        }
        #expect(!identifier.isEmpty)
    }

    @Test("The passphrase is typed; when the question comes again it was refused")
    func passphrase() throws {
        let ask = """
            again:  mov si, text
                    call print
            .read:  mov dx, 0x3fd
                    in al, dx
                    test al, 1
                    jz .read
                    mov dx, 0x3f8
                    in al, dx
                    cmp al, 13
                    jne .read
                    jmp again
            text:   db "\(PromptWatch.prompt)", 0
            """
        let sample = try sample(ask, key: .passphrase(Passphrase("ice"), iterations: 1000))
        let result = try run(sample) { $0.passphrase = try? Passphrase("fire") }
        #expect(result.ending == .wrongPassphrase)
        #expect(result.exitCode == .wrongPassphrase)
        #expect(throws: Passphrase.Failure.noTerminal) { try run(sample) }
    }

    @Test("What the hypervisor says on its line is read while the machine runs")
    func trace() throws {
        let records = [TraceBytes.record(.launch), TraceBytes.record(.end, detail: 0xF057_3FA3)]
        let bytes = TraceBytes.capture(records).map(String.init).joined(separator: ", ")
        let tell = """
                    mov si, frames
                    mov cx, 80
            next:   mov dx, 0x2fd
            .wait:  in al, dx
                    test al, 0x20
                    jz .wait
                    lodsb
                    mov dx, 0x2f8
                    out dx, al
                    loop next
                    jmp hang
            frames: db \(bytes)
            """
        let result = try run(sample(tell))
        #expect(result.ending == .tripleFault)
        #expect(result.exitCode == .tripleFault)
        #expect(result.trace.hasLaunched)
    }
}
