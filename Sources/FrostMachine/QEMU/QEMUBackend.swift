import Foundation
import FrostFormat
import FrostHost
import FrostSupport
import Glibc

/// QEMU as a child of ours: by its own translator on any host, or under KVM.
struct QEMUBackend: Backend {
    let accelerator: QEMU.Accelerator

    private var platform: Platform { accelerator == .kvm ? .qemuKVM : .qemuTCG }

    var capabilities: Set<Capability> {
        switch accelerator {
        case .tcg: [.control, .sharedMemory, .cacheModel, .savedState, .seed, .instructionCount, .board]
        case .kvm: [.control, .sharedMemory, .savedState, .vmx, .board]
        }
    }

    func refusal(_ missing: Capability) -> Platform.Failure { .lacks(platform, missing) }

    func lack(on host: HostKVM) -> String? {
        guard accelerator == .kvm, let lack = host.lack else { return nil }
        return
            "qemu-kvm cannot run Frostvisor here: \(lack). Use --platform qemu-tcg, which needs nothing of the host."
    }

    private let ending = MachineEnding(
        goesAfter: [.powerOff, .sleep, .reset], requests: [.quit, .terminate])

    /// Below this line QEMU prints the guest's registers, which may hold secrets.
    func messages(in log: String) -> String {
        log.split(whereSeparator: \.isNewline).first { $0.hasPrefix("qemu: fatal:") }.map(String.init) ?? log
    }

    func boot(_ run: RunJob, in folder: RunFolder) throws -> RunResult {
        let (image, options) = (run.image, run.options)
        try options.board.check(ram: image.plan.ram)
        let ramFile = try MemoryFile.make(image.plan.ram, in: folder, isKept: options.keepsRAM)
        let socket = Self.socket()
        let messageSocket = options.takesMessages ? socket + ".msg" : nil
        let keeper = try ScratchKeeper(
            [socket, messageSocket].compactMap { $0.map { URL(filePath: $0) } }
                + (options.keepsRAM ? [] : [ramFile]))
        defer { keeper.clean() }
        if let saved = options.saved {
            try saved.copyRAM(to: ramFile)
            try Data(saved.trace).write(to: folder.trace)
        }

        let plugin =
            try options.instructions?.argument(folder)
            ?? options.residency?.argument(
                record: folder.folder, ramFile: ramFile, plan: image.plan, shares: image.devices == .shared)
        let tpm = try options.board.tpm.map { try RunningTPM($0) }
        let command = QEMU(
            accelerator: accelerator, image: image.file, disk: QEMU.Disk(for: run), ram: image.plan.ram,
            board: options.board, ramFile: ramFile, trace: folder.trace, controlSocket: socket,
            messageSocket: messageSocket, tpmSocket: tpm?.socket,
            plugin: plugin, isRestored: options.saved != nil, cpu: options.cpu ?? ownCPU,
            seed: options.seed, countsInstructions: options.instructions != nil,
            holdsAtEnd: options.holdsAtEnd
        ).command
        let (program, arguments) = try command.bound()
        let child = try ChildProcess(
            program, arguments, input: .pipe, output: .pipe, error: .file(folder.machineLog))
        let process = child.identifier
        let machine = Machine(
            image: image, folder: folder, platform: platform, ram: try GuestRAM(ramFile, ram: image.plan.ram),
            ramFile: options.keepsRAM ? nil : ramFile, messageSocket: messageSocket, input: child.input,
            connect: { try QMP(connecting: socket) }, cut: { kill(process, SIGKILL) },
            clock: options.instructions == nil ? .host(HostCounter()) : .own(.countedByQEMU))
        return try withExtendedLifetime(tpm) {
            try run.watch(
                child,
                StartedMachine(
                    machine: machine, output: child.output, commandLine: command.text, ending: ending,
                    messages: messages))
        }
    }

    /// The CPU by default: under KVM one of the host's own vendor.
    private var ownCPU: CPUChoice {
        accelerator == .kvm && HostKVM().cpuVirtualisation == "vmx" ? .intel : .amd
    }

    /// Linux allows a socket's path 107 bytes; ours get an ending.
    private static func socket() -> String {
        let path = RunJob.temporary("qmp").plainPath
        return path.utf8.count < 100 ? path : "/tmp/" + (path as NSString).lastPathComponent
    }
}

extension QEMU.Disk {
    init(for run: RunJob) {
        let needsFirmware = run.image.entersRealMode || run.options.isSaveable || run.options.saved != nil
        self = needsFirmware ? .ide : .ahci
    }
}
