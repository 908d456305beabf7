import Foundation
import FrostSamples
import FrostSilicon
import FrostSupport
import Testing

/// What is read of a serial line's log, or of what somebody typed in.
@Suite struct SiliconResultTests {
    private static func read(_ text: String) throws -> SiliconResult {
        try SiliconResult(Array(text.utf8), named: "it")
    }

    /// What is said of a text that is no result.
    private static func refusal(_ text: String) -> String {
        do { _ = try read(text) } catch let failure as SiliconResult.Failure {
            #expect(failure.exitCode == .badInput)
            return failure.description
        } catch {}
        return "taken"
    }

    @Test("A result is read from among other lines, whatever its line ends, capitals and spaces")
    func among() throws {
        let sample = SampleSilicon(), plain = try sample.result()
        #expect(plain.text == sample.lines && plain.lines.count == sample.rows.count)
        let noise = "BdsDxe: starting\r\n-- latency\r\nfrost is not a number\r\n"
        #expect(try Self.read(noise + sample.text.replacing("\n", with: "\r\n" + noise)) == plain)
        #expect(try Self.read(sample.text.uppercased().replacing(" ", with: "  ")) == plain)
    }

    @Test("Any character that was misread is said by its line")
    func misread() throws {
        let lines = SampleSilicon().lines
        for index in 1..<lines.count - 1 {
            var changed = lines, line = Array(lines[index])
            let digits = line.indices.filter { $0 > 2 && line[$0] != " " }
            let place = digits[index * 7 % digits.count]
            line[place] = line[place] == "8" ? "3" : "8"
            changed[index] = String(line)
            let number = String(lines[index].prefix(2))
            #expect(
                Self.refusal(changed.joined(separator: "\n")).contains("line \(number) missing or misread"))
        }
    }

    @Test("Several lines that are misread or left out are all said")
    func severalLines() {
        var lines = SampleSilicon().lines
        lines[3] += "0"
        lines.remove(at: 6)
        #expect(Self.refusal(lines.joined(separator: "\n")).contains("lines 02, 05 missing or misread"))
    }

    @Test("What is cut, doubled, disordered or no result at all is refused in a sentence")
    func refused() {
        let sample = SampleSilicon(), lines = sample.lines
        let cut = lines.prefix(9) + ["-- latency"]
        #expect(Self.refusal(cut.joined(separator: "\n")).contains("cut behind 8 lines"))
        #expect(Self.refusal(cut.joined(separator: "\n")).contains("'latency' was running"))
        #expect(Self.refusal(sample.text + sample.text).contains("two results"))
        #expect(
            Self.refusal((lines.prefix(5) + lines[4...]).joined(separator: "\n")).contains("line 03 twice"))
        var swapped = lines
        swapped.swapAt(2, 3)
        #expect(Self.refusal(swapped.joined(separator: "\n")).contains("another order"))
        #expect(Self.refusal("nothing of ours").contains("no result"))
        #expect(Self.refusal("").contains("no result"))
        #expect(
            Self.refusal((lines.dropLast() + ["== end 1d 00 =="]).joined(separator: "\n")).contains(
                "last line"))
        #expect(
            Self.refusal((lines.dropLast() + ["== end -d 61abfcaa =="]).joined(separator: "\n")).contains(
                "last line"))
        #expect(Self.refusal(SampleSilicon().with("clock", "clock ok +1").text).contains("does not know"))
        var sum = lines
        sum[sum.count - 1] = "== end 1d 00000000 =="
        #expect(Self.refusal(sum.joined(separator: "\n")).contains("all together are not"))
    }

    /// With right checksums: rows, and what gives them away.
    static let forgeries = [
        ("clflush", "clflush ok 10000 1 10000 0", "counts other lines"),
        ("invd", "invd ok 40000 0 0 0 0", "counts other lines"),
        ("guard.fault", "", "no 'guard.fault'"),
        ("boot", "boot hung", "told, not tried"),
        ("leaf", "leaf fault 1 0 0", "told, not tried"),
        ("leaf", "leaf ok 7 0 0 0 0 0", "leaf 1 is not in it"),
        ("invd", "invd absent", "never absent"),
        ("invd", "invd ok 40000 ffffffffffffffff 1 ffffffffffffffff 0", "counts other lines"),
    ]

    @Test(
        "A result that the program never writes is refused, though its checksums are right",
        arguments: forgeries)
    func forged(name: String, line: String, words: String) {
        let sample = line.isEmpty ? SampleSilicon().with(name) : SampleSilicon().with(name, line)
        #expect(Self.refusal(sample.text).contains(words))
    }

    @Test("Lines that this version does not know are said, and so is one that stands too often")
    func unknown() {
        #expect(Self.refusal(SampleSilicon().with("cat", "dog ok 1").text).contains("does not know"))
        #expect(Self.refusal(SampleSilicon().with("cat", "cat maybe").text).contains("does not know"))
        #expect(Self.refusal(SampleSilicon().with("clock", "clock ok xyz").text).contains("does not know"))
        #expect(Self.refusal(SampleSilicon().with("clock", "clock ok 1 2").text).contains("does not know"))
        #expect(
            Self.refusal(SampleSilicon().with("clock", "clock ok 1", "clock ok 1").text).contains(
                "stands 2 times"))
        #expect(
            Self.refusal(
                SampleSilicon().with("invd", "invd ok 80000 2000 0 2000 0", "invd ok 40000 1000 0 1000 0")
                    .text
            )
            .contains("do not grow"))
    }

    @Test("A file that is missing is another failure than one that is no result")
    func files() throws {
        let scratch = try Scratch(), file = scratch.url.appending(path: "result.txt")
        #expect(throws: SiliconResult.Failure.missing(file.plainPath)) { try SiliconResult(reading: file) }
        #expect(SiliconResult.Failure.missing("it").exitCode == .noSuchFile)
        #expect(throws: SiliconResult.Failure.unreadable(scratch.url.plainPath)) {
            try SiliconResult(reading: scratch.url)
        }
        try Data(SampleSilicon().text.utf8).write(to: file)
        #expect(try SiliconResult(reading: file) == SampleSilicon().result())
        try Data(repeating: 48, count: 5 << 20).write(to: file)
        #expect(throws: SiliconResult.Failure.foreign(file.plainPath)) { try SiliconResult(reading: file) }
    }
}
