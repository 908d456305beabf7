import FrostCore
import FrostFormat
import FrostMachine
import FrostProof
import FrostSupport

/// A guest that runs, saved once: where all attacks of a campaign begin.
struct AttackBase: Sendable {
    let image: BootImage
    let machine: SavedMachine
    let board: Board
    let passphrase: Passphrase?
    /// Where the registers of the device `edu` lie; nil: there is none.
    let deviceRegisters: UInt64?
    /// What the console and the facts of the trace had said when the guest was saved.
    let console: [UInt8]
    let facts: [TraceFact: UInt64]
    let after: String?
    let symbols: SymbolTable
    /// What must not be found in DRAM: key material, markers, secrets.
    let needles: MemorySearch
    /// The same, but for markers and secrets only.
    let secrets: MemorySearch
    /// What the guest `revisit` says when ROMs or tables are not what they were.
    let firmware = MemorySearch(["revisit: the firmware's memory has changed"])
    /// How often keys, and how often secrets stood in the frozen region: none would make the search worthless.
    let keysSeen: Int
    let secretsSeen: Int

    /// Boots and saves.
    /// - Parameter after: text on the console after which the guest is saved; nil: at its launch.
    init(
        _ image: BootImage, on board: Board, symbols: SymbolTable, after: String?, passphrase: Passphrase?,
        secrets: [String]
    ) throws {
        var saved: SavedMachine?
        var keys: [(String, [UInt8])] = []
        var finds: [MemorySearch.Find] = []
        var console: [UInt8] = [], facts: [TraceFact: UInt64] = [:]
        var registers: UInt64?
        let texts = Markers.parts + secrets
        var options = RunOptions()
        options.passphrase = passphrase
        options.isSaveable = true
        options.board = board
        options.takesMessages = true
        options.catchesSignals = true
        options.hooks = [
            Hook(after.map { .console($0) } ?? .launch) { machine in
                try machine.pauseInHypervisor()
                keys = try FrozenView(machine, symbols: symbols).keyBlocks()
                finds = try MemorySearch(named: keys + texts.map { ($0, Array($0.utf8)) }).finds(
                    in: machine.ram)
                (console, facts) = (machine.console, machine.trace.facts)
                if board.devices.contains(EduDevice.name) { registers = try EduDevice(machine).registers }
                saved = try SavedMachine(machine)
                machine.stop()
            }
        ]
        let result = try Run(image, options: options).boot()
        if result.ending == .interrupted { throw AttackInterrupted() }
        guard let saved else { throw Failure.notReached(after, result.ending) }
        if case .plaintextFound(let find) = MemorySearch.verdict(finds, for: image) {
            throw Failure.leaking(find)
        }
        self.image = image
        self.symbols = symbols
        (self.board, self.passphrase, self.after) = (board, passphrase, after)
        (self.console, self.facts, deviceRegisters) = (console, facts, registers)
        machine = saved
        needles = MemorySearch(named: keys + texts.map { ($0, Array($0.utf8)) })
        self.secrets = MemorySearch(texts)
        let names = Set(keys.map(\.0))
        guard Set(finds.map(\.needle)).isSuperset(of: names) else { throw Failure.noKeys }
        keysSeen = names.count
        secretsSeen = finds.filter { !names.contains($0.needle) }.count
    }

    enum Failure: Explained, Equatable {
        case notReached(String?, RunEnding)
        case leaking(MemorySearch.Find)
        case noKeys

        var exitCode: ExitCode {
            switch self {
            case .notReached, .leaking: .otherwise
            case .noKeys: .ourBug
            }
        }

        var description: String {
            switch self {
            case .notReached(let text, let ending):
                """
                The guest did not come to where attacks begin (\(text.map { "'\($0)' on its console" } ?? "its launch")): \
                \(ending). Look at it with frost run, or choose another text with --after.
                """
            case .leaking(let find):
                """
                Before anybody attacks, '\(find.needle)' stands in DRAM at \(find.address.hexadecimal). \
                There is nothing to attack.
                """
            case .noKeys: "The keys could not be found in the frozen region: the search proves nothing."
            }
        }
    }
}
