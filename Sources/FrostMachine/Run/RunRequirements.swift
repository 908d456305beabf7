extension RunOptions {
    /// What the platform must have for it. That memory is kept has two ways: see ``Platform/check(_:)``.
    fileprivate var needed: [Capability] {
        let needs: [(Bool, Capability)] = [
            (nmiEvery != nil, .control), (cpu == .intel, .vmx),
            (saved != nil || isSaveable || takesMessages, .savedState), (seed != nil, .seed),
            (instructions != nil, .instructionCount), (residency != nil, .cacheModel),
            (windows != nil, .accessTrace), (board != Board(), .board), (connect != nil, .connection),
        ]
        return needs.filter(\.0).map(\.1)
    }
}

extension Platform {
    /// - Throws: ``Failure`` when it lacks what a run asks of it.
    func check(_ options: RunOptions) throws(Failure) {
        for capability in options.needed { try require(capability, connect: options.connect) }
        guard options.board.cpus == 1 || (options.residency == nil && options.instructions == nil) else {
            throw .otherCPUs(options.board.cpus)
        }
        guard options.keepsRAM else { return }
        // Memory that cannot be read from outside is written into a file by the machine.
        guard has(.memoryDump) else { return try require(.sharedMemory, connect: options.connect) }
        if options.symbols == nil { throw .noSymbols(self) }
    }
}
