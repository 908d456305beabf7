import Foundation
@testable import FrostFormat
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
        #expect(verdict.unmet == ["The console never said \"nowhere\"."])
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
        console += Array("\r\nfrostvisor: wrong passphrase\r\n\(PromptWatch.prompt)".utf8)
        let isRefused = watch.isRefused(console)
        #expect(early == nil)
        #expect(answers == [Array("melting\r".utf8), nil])
        #expect(!isRefusedAtOnce && isRefused)
    }

    @Test("An image that carries its key is never answered")
    func noPrompt() {
        var watch = PromptWatch(passphrase: nil)
        let answer = watch.answer(Array(PromptWatch.prompt.utf8))
        #expect(answer == nil)
    }

    @Test("Passphrases that cannot be typed are refused")
    func passphrases() throws {
        #expect(throws: Passphrase.Failure.empty) { try Passphrase("") }
        #expect(throws: Passphrase.Failure.unprintable) { try Passphrase("a\tb") }
        let endless = URL(filePath: "/dev/zero")
        #expect(throws: Passphrase.Failure.longFile("/dev/zero")) { try Passphrase(file: endless) }
        #expect(throws: Passphrase.Failure.tooLong(bytes: 129)) {
            try Passphrase(String(repeating: "x", count: 129))
        }
        #expect(try Passphrase("größe").bytes.count == 7)
    }
}
