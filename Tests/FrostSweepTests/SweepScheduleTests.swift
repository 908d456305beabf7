import Foundation
import FrostMachine
@testable import FrostSweep
import Testing

/// The schedule, with runs that only pretend.
@Suite struct SweepScheduleTests {
    /// Ends after that number of looks.
    private final class Pretended: SweepRun {
        private var looks: Int
        private let attempt: SweepAttempt
        private let onEnd: () -> Void

        init(looks: Int, _ attempt: SweepAttempt, onEnd: @escaping () -> Void) {
            (self.looks, self.attempt, self.onEnd) = (looks, attempt, onEnd)
        }

        func poll() -> SweepAttempt? {
            looks -= 1
            guard looks <= 0 else { return nil }
            onEnd()
            return attempt
        }

        func end(killing: Bool) { looks = 0 }
    }

    private struct Start: Equatable {
        var name: String
        var place: String
    }

    /// What a schedule did.
    private struct Story {
        var starts: [Start] = []
        var results: [String: SweepResult] = [:]
        /// At the same time, by place.
        var running: [String: Int] = [:]
        var most: [String: Int] = [:]
        var talk: [String] = []
    }

    private func jobs(_ count: Int, _ platform: Platform = .qemuTCG) -> [SweepJob] {
        (0..<count).map { index in
            var cell = SweepCell(image: "hello")
            (cell.platform, cell.seed) = (platform, UInt64(index))
            let named = NamedCell(name: "cell\(index)", base: "cell\(index)", cell: cell)
            return SweepJob(named: named, definition: cell.definition, image: URL(filePath: "/x.img"))
        }
    }

    /// Runs jobs that end as `attempt` says of name, place and number of earlier starts.
    private func run(
        _ jobs: [SweepJob], _ places: [SweepPlace], interruptAt: Int? = nil,
        attempt: (String, String, Int) -> SweepAttempt?
    ) throws -> Story {
        var story = Story()
        try withoutActuallyEscaping(attempt) { attempt in
            var schedule = SweepSchedule(
                jobs, places: places,
                start: { job, place in
                    let (name, earlier) = (job.named.name, story.starts.count { $0.name == job.named.name })
                    story.starts.append(Start(name: name, place: place.name))
                    story.running[place.name, default: 0] += 1
                    story.most[place.name] = max(
                        story.most[place.name] ?? 0, story.running[place.name] ?? 0)
                    let passed = SweepAttempt.finished(
                        SweepResult(job.named, definition: job.definition, outcome: .passed))
                    return Pretended(
                        looks: 1 + Int(job.named.cell.seed ?? 0) % 3,
                        attempt(name, place.name, earlier) ?? passed
                    ) {
                        story.running[place.name, default: 0] -= 1
                    }
                },
                isInterrupted: { interruptAt.map { story.results.count >= $0 } ?? false },
                progress: { story.talk.append($0) },
                finish: { story.results[$0.name] = $0 })
            try schedule.run()
        }
        #expect(story.running.values.allSatisfy { $0 == 0 }, "something still runs")
        return story
    }

    @Test("Every job runs once, and no place has more than it takes")
    func capacity() throws {
        let places = [
            SweepPlace(uri: "qemu+ssh://a/system", jobs: 3), SweepPlace(uri: "qemu+ssh://b/system", jobs: 2),
        ]
        let story = try run(jobs(25, .libvirt), places) { _, _, _ in nil }
        #expect(story.results.count == 25 && story.starts.count == 25)
        #expect(story.most == ["qemu+ssh://a/system": 3, "qemu+ssh://b/system": 2])
        #expect(story.results.values.allSatisfy { $0.attempts == 1 })
    }

    @Test("A cell whose place fails goes to another place")
    func otherPlace() throws {
        let places = [SweepPlace(uri: "a://", jobs: 1), SweepPlace(uri: "b://", jobs: 1)]
        let story = try run(jobs(8, .libvirt), places) { _, place, _ in
            place == "a://" ? .placeFailed("connection lost") : nil
        }
        #expect(story.results.values.allSatisfy { $0.outcome == .passed })
        #expect(story.starts.count { $0.place == "a://" } == SweepSchedule.patience, "the place is given up")
        #expect(story.results.values.map(\.attempts).max() == 2)
        #expect(story.talk.contains { $0.contains("a:// is given up") })
    }

    @Test("A cell whose place failed once is started again; one that always fails, three times")
    func bounded() throws {
        let places = [SweepPlace(uri: "a://", jobs: 2)]
        let story = try run(jobs(6, .libvirt), places) { name, _, earlier in
            switch name {
            case "cell0": earlier == 0 ? .placeFailed("connection lost") : nil
            case "cell1": .placeFailed("connection lost")
            default: nil
            }
        }
        #expect(story.results["cell0"]?.outcome == .passed && story.results["cell0"]?.attempts == 2)
        let broken = story.results["cell1"]
        #expect(broken?.outcome == .broken && broken?.attempts == 3)
        #expect(broken?.reason?.contains("3 times in vain: connection lost") == true)
        #expect(story.results.count == 6)
    }

    @Test("When all places are gone, what is left is said to be broken, and the sweep ends")
    func allGone() throws {
        let places = [SweepPlace(uri: "a://", jobs: 1), SweepPlace(uri: "b://", jobs: 1)]
        let story = try run(jobs(20, .libvirt), places) { _, _, _ in .placeFailed("no route to host") }
        #expect(story.results.count == 20)
        #expect(story.results.values.allSatisfy { $0.outcome == .broken })
        #expect(story.starts.count == 2 * SweepSchedule.patience)
        #expect(story.results.values.contains { $0.reason?.contains("No place is left") == true })
    }

    @Test("What cannot be helped is not tried again")
    func broken() throws {
        let story = try run(jobs(2), [SweepPlace(jobs: 1)]) { name, _, _ in
            name == "cell0" ? .broken("a bad image") : .skipped("no Bochs here")
        }
        #expect(story.results["cell0"]?.outcome == .broken && story.results["cell1"]?.outcome == .skipped)
        #expect(story.starts.count == 2)
    }

    @Test("Machines of this host stay here, libvirt's go to its hosts")
    func kinds() throws {
        let places = [SweepPlace(jobs: 1), SweepPlace(uri: "a://", jobs: 1)]
        let mixed = jobs(3) + jobs(6, .libvirt).dropFirst(3)
        let story = try run(mixed, places) { _, _, _ in nil }
        #expect(story.starts.count == 6)
        for start in story.starts {
            #expect((start.place == "local") == ["cell0", "cell1", "cell2"].contains(start.name))
        }
    }

    @Test("An interrupt ends what runs, and starts nothing more")
    func interrupted() throws {
        let story = try run(jobs(30), [SweepPlace(jobs: 4)], interruptAt: 9) { _, _, _ in nil }
        #expect(story.results.count >= 9 && story.results.count < 9 + 2 * 4)
        #expect(story.starts.count < 30)
    }

    @Test("An error in the midst ends everything that runs")
    func errors() throws {
        var ended = 0
        var schedule = SweepSchedule(
            jobs(9), places: [SweepPlace(jobs: 3)],
            start: { job, _ in
                Pretended(looks: 2, .finished(SweepResult(job.named, definition: "", outcome: .passed))) {
                    ended += 1
                }
            }, finish: { _ in throw SweepFolder.Failure.cannotWrite("/full") })
        #expect(throws: SweepFolder.Failure.cannotWrite("/full")) { try schedule.run() }
        #expect(ended == 3)
    }

    @Test("Time left is told by cells of the same kind")
    func progress() {
        func result(_ job: SweepJob, _ seconds: Double) -> SweepResult {
            var result = SweepResult(job.named, definition: "", outcome: .passed)
            result.wallSeconds = seconds
            return result
        }
        let fast = jobs(2)
        let slow = jobs(6, .bochs).dropFirst(2)
        var progress = SweepProgress(
            total: 6, left: (fast + slow).map(\.named), finished: [], jobs: 2)
        #expect(progress.secondsLeft == nil)
        #expect(progress.line(for: result(fast[0], 1)).contains("1/6  cell0: passed, 1.0 s; about 3 s left"))
        _ = progress.line(for: result(slow[2], 10))
        #expect(progress.secondsLeft == 15.5)
        #expect(SweepProgress.text(89) == "89 s" && SweepProgress.text(600) == "10 min")
        #expect(SweepProgress.text(7500) == "2 h 5 min")
    }
}
