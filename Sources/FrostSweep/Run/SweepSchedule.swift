import Glibc

/// Runs jobs at places, each with its capacity: what fails at one goes to another.
struct SweepSchedule {
    /// Starts a job; told what came of it by polling.
    typealias Start = (SweepJob, SweepPlace) throws -> any SweepRun

    private struct Waiting {
        var job: SweepJob
        var attempts = 0
        var failedAt: [SweepPlace] = []
        var words = ""
    }

    private struct Host {
        let place: SweepPlace
        var failuresInARow = 0
        var running: [(waiting: Waiting, run: any SweepRun)] = []

        var isGivenUp: Bool { failuresInARow >= SweepSchedule.patience }
        var hasRoom: Bool { !isGivenUp && running.count < place.jobs }
    }

    /// How often a job is started at most, and after how many failures in a row a place is given up.
    static let patience = 3

    private var waiting: [Waiting]
    private var hosts: [Host]
    private let start: Start
    private let isInterrupted: () -> Bool
    /// Told of everything that has come to an end.
    private let finish: (SweepResult) throws -> Void
    private let progress: (String) -> Void

    init(
        _ jobs: [SweepJob], places: [SweepPlace], start: @escaping Start,
        isInterrupted: @escaping () -> Bool = { false }, progress: @escaping (String) -> Void = { _ in },
        finish: @escaping (SweepResult) throws -> Void
    ) {
        waiting = jobs.map { Waiting(job: $0) }
        hosts = places.map { Host(place: $0) }
        (self.start, self.isInterrupted, self.finish, self.progress) = (
            start, isInterrupted, finish, progress
        )
    }

    /// Returns when nothing runs any more: all is done, or we were interrupted.
    /// - Throws: what `start` and `finish` throw; nothing runs any more then, either.
    mutating func run() throws {
        do {
            while !isInterrupted() {
                try fill()
                try giveUp()
                if hosts.allSatisfy(\.running.isEmpty) && waiting.isEmpty { return }
                try collect()
                usleep(10_000)
            }
        } catch {
            stop()
            throw error
        }
        stop()
    }

    /// Starts what has room.
    private mutating func fill() throws {
        for index in hosts.indices {
            while hosts[index].hasRoom, let next = next(for: hosts[index].place) {
                var waiting = waiting.remove(at: next)
                waiting.attempts += 1
                let run = try start(waiting.job, hosts[index].place)
                hosts[index].running.append((waiting, run))
            }
        }
    }

    /// A job goes back to a place where it failed only when every other that could take it is gone.
    private func next(for place: SweepPlace) -> Int? {
        waiting.firstIndex { candidate in
            guard takes(place, candidate) else { return false }
            guard candidate.failedAt.contains(place) else { return true }
            return !hosts.contains {
                !$0.isGivenUp && takes($0.place, candidate) && !candidate.failedAt.contains($0.place)
            }
        }
    }

    private func takes(_ place: SweepPlace, _ waiting: Waiting) -> Bool {
        place.takes(waiting.job.named.cell, among: hosts.map(\.place))
    }

    /// Jobs that no place is left for.
    private mutating func giveUp() throws {
        var left: [Waiting] = []
        for candidate in waiting {
            if hosts.contains(where: { !$0.isGivenUp && takes($0.place, candidate) }) {
                left.append(candidate)
            } else {
                let words = candidate.words.isEmpty ? "" : " The last one said: \(candidate.words)"
                try finish(broken(candidate, "No place is left that could run it.\(words)"))
            }
        }
        waiting = left
    }

    private func broken(_ waiting: Waiting, _ reason: String) -> SweepResult {
        var result = SweepResult(
            waiting.job.named, definition: waiting.job.definition, outcome: .broken, reason: reason)
        result.attempts = waiting.attempts
        return result
    }

    private mutating func collect() throws {
        for (index, waiting, attempt) in takeEnded() { try take(attempt, of: waiting, at: index) }
    }

    /// What has ended, and where; it does not run any more.
    private mutating func takeEnded() -> [(host: Int, waiting: Waiting, attempt: SweepAttempt)] {
        var ended: [(Int, Waiting, SweepAttempt)] = []
        for index in hosts.indices {
            var running: [(waiting: Waiting, run: any SweepRun)] = []
            for (waiting, run) in hosts[index].running {
                if let attempt = run.poll() {
                    ended.append((index, waiting, attempt))
                } else {
                    running.append((waiting, run))
                }
            }
            hosts[index].running = running
        }
        return ended
    }

    private mutating func take(_ attempt: SweepAttempt, of waiting: Waiting, at index: Int) throws {
        switch attempt {
        case .finished(var result):
            hosts[index].failuresInARow = 0
            result.attempts = waiting.attempts
            try finish(result)
        case .skipped(let reason):
            let (named, definition) = (waiting.job.named, waiting.job.definition)
            try finish(SweepResult(named, definition: definition, outcome: .skipped, reason: reason))
        case .broken(let reason): try finish(broken(waiting, reason))
        case .placeFailed(let words):
            try retry(waiting, at: index, words)
        }
    }

    private mutating func retry(_ failed: Waiting, at index: Int, _ words: String) throws {
        let place = hosts[index].place
        guard !isInterrupted() else { return }
        progress("\(failed.job.named.name) failed at \(place.name): \(words)")
        hosts[index].failuresInARow += 1
        if hosts[index].isGivenUp {
            progress("\(place.name) is given up: it failed \(Self.patience) times in a row")
        }
        var failed = failed
        failed.failedAt.append(place)
        failed.words = words
        guard failed.attempts < Self.patience else {
            return try finish(broken(failed, "It was started \(failed.attempts) times in vain: \(words)"))
        }
        waiting.append(failed)
    }

    /// Leaves nothing running: asks, waits, kills. What has ended meanwhile is not lost.
    private mutating func stop() {
        hosts.forEach { $0.running.forEach { $0.run.end(killing: false) } }
        let deadline = ContinuousClock.now + .seconds(15)
        while hosts.contains(where: { !$0.running.isEmpty }) {
            if ContinuousClock.now > deadline {
                hosts.forEach { $0.running.forEach { $0.run.end(killing: true) } }
            }
            for (_, waiting, attempt) in takeEnded() {
                guard case .finished(var result) = attempt else { continue }
                result.attempts = waiting.attempts
                try? finish(result)
            }
            usleep(10_000)
        }
    }
}
