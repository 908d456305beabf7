import FrostCore
import FrostFormat
import FrostSupport

/// What Bochs's debugger is told at each of its stops.
///
/// - Source: Bochs 2.7, the user's manual, "Using Bochs internal debugger"; bx_debug/parser.y.
package struct DebuggerScript {
    /// Where the hypervisor begins its ending: keys and slots are all there, and no page is half-way unless it
    /// panicked.
    private static let beforeErasure = SYMBOL_WIPE
    /// Keys, slots and tables are erased, and nothing but the trace's last record is still to come.
    private static let afterErasure = SYMBOL_END

    /// Why the debugger waits for us.
    package struct Stop: Equatable {
        /// Linear; nil: a number of instructions is over, or the machine has just been powered on.
        var breakpoint: UInt64?
        var instant: UInt64
    }

    private enum Stage {
        case start, beforeFreeze, freeze, beforeSession, session, beforeLaunch, launch, between, beforePage,
            page
        case rest
    }

    private let windows: AccessWindows?
    private let dump: RAMDump
    private let dumpAt, freeze, freezeEnd, session: UInt64
    private let entries, pages: [UInt64]
    private var stage = Stage.start
    private var pagesLeft: Int
    private var breakpoints: [UInt64: Int] = [:]
    private var lastBreakpoint = 0
    private var isTracing = false
    private var commands: [String] = []
    private(set) var hasDumped = false

    /// - Parameter windows: nil: nothing is traced, and memory is kept as the run leaves it.
    /// - Throws: ``SymbolTable/Failure``
    init(_ windows: AccessWindows?, dump: RAMDump, symbols: SymbolTable) throws {
        (self.windows, self.dump) = (windows, dump)
        dumpAt = try symbols.address(windows == nil ? Self.afterErasure : Self.beforeErasure)
        freeze = try symbols.address(SYMBOL_FREEZE)
        freezeEnd = try symbols.address(SYMBOL_RECORD)
        session = try symbols.address(SYMBOL_SESSION_KEY)
        entries = try [SYMBOL_ENTER_SVM, SYMBOL_ENTER_VMX].map { try symbols.address($0) }
        pages = try [SYMBOL_SEAL, SYMBOL_OPEN].map { try symbols.address($0) }
        pagesLeft = windows?.pages ?? 0
    }

    /// Commands, the last of which lets the machine go on.
    mutating func answer(_ stop: Stop) -> [String] {
        commands = []
        endWindow()
        if stop.breakpoint == dumpAt {
            remove(Array(breakpoints.keys))
            commands += dump.commands
            hasDumped = true
            stage = .rest
            go()
        } else {
            advance()
        }
        return commands
    }

    private mutating func advance() {
        switch stage {
        case .start:
            stop(at: [dumpAt])
            guard windows != nil else { return rest() }
            go(to: [freeze], .beforeFreeze)
        case .beforeFreeze:
            beginWindow(instead: [freeze], .freeze, AccessWindows.freezeInstructions, or: freezeEnd)
        case .freeze:
            remove([freezeEnd])
            go(to: [session], .beforeSession)
        case .beforeSession:
            beginWindow(instead: [session], .session, AccessWindows.sessionInstructions)
        case .session: go(to: entries, .beforeLaunch)
        case .beforeLaunch: beginWindow(instead: entries, .launch, windows?.launchInstructions ?? 0)
        case .launch, .page: skip()
        case .between: go(to: [pages[pagesLeft % pages.count]], .beforePage)
        case .beforePage:
            beginWindow(instead: [pages[pagesLeft % pages.count]], .page, AccessWindows.pageInstructions)
            pagesLeft -= 1
        case .rest: go()
        }
    }

    private mutating func skip() {
        guard pagesLeft > 0, let windows else { return rest() }
        stage = .between
        commands.append("s \(windows.skipped)")
    }

    private mutating func rest() {
        stage = .rest
        go()
    }

    private mutating func go(to addresses: [UInt64] = [], _ next: Stage = .rest) {
        stop(at: addresses)
        stage = next
        commands.append("c")
    }

    private mutating func stop(at addresses: [UInt64]) {
        for address in addresses where breakpoints[address] == nil {
            lastBreakpoint += 1
            breakpoints[address] = lastBreakpoint
            commands.append("lb \(address.hexadecimal)")
        }
    }

    private mutating func remove(_ addresses: [UInt64]) {
        for address in addresses {
            if let number = breakpoints.removeValue(forKey: address) { commands.append("d \(number)") }
        }
    }

    /// - Parameter end: ends it earlier, when it is come to.
    private mutating func beginWindow(
        instead addresses: [UInt64], _ next: Stage, _ instructions: Int, or end: UInt64? = nil
    ) {
        remove(addresses)
        if let end { stop(at: [end]) }
        commands += ["trace on", "trace-mem on", "s \(instructions)"]
        isTracing = true
        stage = next
    }

    private mutating func endWindow() {
        if isTracing { commands += ["trace-mem off", "trace off"] }
        isTracing = false
    }
}
